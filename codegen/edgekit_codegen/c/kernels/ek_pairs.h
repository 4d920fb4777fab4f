/* ek_pairs.h: sums of products for two or four output channels and one or two pixels at once.
 *
 * Weights of two channels stand in one number of 16 bits, h = 256 * odd + even: its low byte is the even channel's
 * weight. The sum of x * h is 256 * S_odd + S_even, so that the odd channel's sum is (sum - S_even) / 256, exact where
 * it is less than 2^23 in size, which was proved when the model was compiled.
 *
 * A tile is four channels, the last of which are the layer's last four, whatever the tile before has of them; of fewer
 * than three channels it is two. It begins with its biases, as sums of x * h and S_even are kept, then come blocks of 4
 * inputs: words of inputs 0 and 2, channel pair after channel pair, then words of inputs 1 and 3. Biases
 * and blocks have 4 bytes a channel. Where two sets of biases stand, they are without and with the input's zero point
 * folded in.
 */
#ifndef EK_PAIRS_H
#define EK_PAIRS_H

#include "ek_pairs_quad.h"

#if EK_DSP

/* A number in both lanes. */
static inline uint32_t ek_pairs_lanes(int32_t value)
{
    const uint32_t low = (uint32_t)value & 0xffff;
    return low | low << 16;
}

/* Two channels, one or two pixels. */
EK_SHARED void ek_pairs_pair(ek_sums_t *sums, const ek_run_t *run, const ek_run_t *end, const int8_t *w, int32_t step,
                             uint32_t zero)
{
    int32_t e0 = ek_int32(w), s0 = ek_int32(w + 4), e1 = e0, s1 = s0;
    w += 8;
    for (; run != end; ++run) {
        w += run->skip * 8;
        for (const int8_t *x = run->x, *const last = x + run->n; x != last; x += EK_BLOCK, w += 8) {
            const uint32_t a = ek_word(x), b = ek_word(x + step), h = ek_word(w), g = ek_word(w + 4);
            const uint32_t a_even = ek_sxtab16(zero, a), a_odd = ek_sxtab16_odd(zero, a);
            const uint32_t b_even = ek_sxtab16(zero, b), b_odd = ek_sxtab16_odd(zero, b);
            s0 = ek_smlad(g, a_odd, ek_smlad(h, a_even, s0));
            s1 = ek_smlad(g, b_odd, ek_smlad(h, b_even, s1));
            e0 = ek_smlad(ek_sxtb16(g), a_odd, ek_smlad(ek_sxtb16(h), a_even, e0));
            e1 = ek_smlad(ek_sxtb16(g), b_odd, ek_smlad(ek_sxtb16(h), b_even, e1));
        }
    }
    sums->sum[0] = e0;
    sums->sum[1] = e1;
    sums->sum[2] = s0;
    sums->sum[3] = s1;
}

#else

/* 2 * `pairs` channels, `pixels` pixels whose inputs lie `step` bytes apart; `zero` is added to each input. */
static inline void ek_pairs_plain(ek_sums_t *sums, const ek_run_t *run, const ek_run_t *end, const int8_t *w,
                                  int32_t step, int32_t zero, int pixels, int pairs)
{
    int32_t *const sum = sums->sum;
    for (int i = 0; i < 2 * pairs; ++i, w += 4) {
        for (int k = 0; k < pixels; ++k) {
            sum[i * pixels + k] = ek_int32(w);
        }
    }
    for (; run != end; ++run) {
        w += run->skip * 8 * pairs;
        for (int i = 0; i < run->n; i += EK_BLOCK, w += 8 * pairs) {
            for (int lane = 0; lane < EK_BLOCK; ++lane) {
                const int8_t *const x = run->x + i + lane;
                for (int pair = 0; pair < pairs; ++pair) {
                    const int8_t *const at = w + 4 * (lane % 2 * pairs + pair) + lane / 2 * 2;
                    const int32_t even = at[0], both = at[1] * 256 + (uint8_t)at[0];
                    for (int k = 0; k < pixels; ++k) {
                        int32_t *const s = sum + 2 * pair * pixels + k;
                        const int32_t v = x[k * step] + zero;
                        s[0] = ek_wrapping_add(s[0], v * even);
                        s[pixels] = ek_wrapping_add(s[pixels], v * both);
                    }
                }
            }
        }
    }
}

#endif

/* Two pixels, `step` bytes apart, of a tile of four channels or two. Sum of channel c, pixel k: sums[2 * c + k]. */
static inline void ek_pairs_two(ek_sums_t *sums, const ek_run_t *run, const ek_run_t *end, const int8_t *w,
                                int32_t step, int quad)
{
#if EK_DSP
    if (quad) {
        ek_pairs_quad_2(sums, run, (uintptr_t)end, w, step);
    } else {
        ek_pairs_pair(sums, run, end, w, step, 0);
    }
#else
    ek_pairs_plain(sums, run, end, w, step, 0, 2, quad ? 2 : 1);
#endif
}

/* One pixel of a tile of four channels or two; `zero` is subtracted from each input. Sum of channel c: sums[c]. */
static inline void ek_pairs_one(ek_sums_t *sums, const ek_run_t *run, const ek_run_t *end, const int8_t *w,
                                int32_t zero, int quad)
{
#if EK_DSP
    if (quad) {
        ek_pairs_quad_1(sums, run, (uintptr_t)end, w, ek_pairs_lanes(-zero));
    } else {
        ek_pairs_pair(sums, run, end, w, 0, ek_pairs_lanes(-zero));
        sums->sum[1] = sums->sum[2];
    }
#else
    ek_pairs_plain(sums, run, end, w, 0, -zero, 1, quad ? 2 : 1);
#endif
}

/* Twice the sum of a channel; S_even and the sum of x * h are given. */
static inline int32_t ek_pairs_even(int32_t even)
{
    return (int32_t)((uint32_t)even << 1);
}

static inline int32_t ek_pairs_odd(int32_t even, int32_t both)
{
    return (int32_t)((uint32_t)both - (uint32_t)even) >> 7;
}

/* How a layer's sums become its output, and how its weights lie. */
typedef struct {
    int32_t out_c;
    int32_t tile; /* blocks of a tile, the biases included */
    int32_t gap;  /* bytes of a tile that stand before or behind what a pixel with all its taps reads */
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_pairs_t;

/* Channels 0 .. channels-1 of a tile, two pixels: the second one's inputs lie `step` bytes and its output out_c bytes
 * behind the first one's. */
EK_KERNEL void ek_pairs_tile_2(const ek_pairs_t *p, const ek_run_t *run, const ek_run_t *end, int8_t *dst,
                               const int8_t *w, const ek_requant_t *q, int32_t step, int channels)
{
    ek_sums_t sums;
    ek_pairs_two(&sums, run, end, w, step, channels > 2);
    EK_UNROLL
    for (int t = 0; t < channels; ++t, ++q, ++dst) {
        const int32_t *const s = sums.sum + t / 2 * 4;
        const int32_t a = t % 2 != 0 ? ek_pairs_odd(s[0], s[2]) : ek_pairs_even(s[0]);
        const int32_t b = t % 2 != 0 ? ek_pairs_odd(s[1], s[3]) : ek_pairs_even(s[1]);
        dst[0] = ek_finish_narrow(a, q, p->out_zero, p->act_min, p->act_max);
        dst[p->out_c] = ek_finish_narrow(b, q, p->out_zero, p->act_min, p->act_max);
    }
}

/* The same for one pixel; `zero` is subtracted from each input. */
EK_KERNEL void ek_pairs_tile_1(const ek_pairs_t *p, const ek_run_t *run, const ek_run_t *end, int8_t *dst,
                               const int8_t *w, const ek_requant_t *q, int32_t zero, int channels)
{
    ek_sums_t sums;
    ek_pairs_one(&sums, run, end, w, zero, channels > 2);
    EK_UNROLL
    for (int t = 0; t < channels; ++t, ++q) {
        const int32_t *const s = sums.sum + t / 2 * 2;
        const int32_t a = t % 2 != 0 ? ek_pairs_odd(s[0], s[1]) : ek_pairs_even(s[0]);
        *dst++ = ek_finish_narrow(a, q, p->out_zero, p->act_min, p->act_max);
    }
}

#if EK_DSP

/* All channels, four at least, with the last four once more where they are no quad: `quads` says what the first one
 * reads, whose weights have `tile` bytes. */
EK_KERNEL void ek_pairs_all(ek_quads_t *quads, void (*some)(const ek_quads_t *), int32_t tile)
{
    const int32_t rest = quads->out_c % EK_TILE;
    quads->quads = quads->out_c / EK_TILE;
    some(quads);
    if (rest != 0) {
        const int32_t last = quads->out_c - EK_TILE;
        quads->q += last;
        quads->dst += last;
        quads->w += quads->quads * tile;
        quads->quads = 1;
        some(quads);
    }
}
#endif

/* All channels of two pixels. */
EK_KERNEL void ek_pairs_pixels(const ek_pairs_t *p, const ek_run_t *run, const ek_run_t *end, int8_t *dst,
                               const int8_t *w, const ek_requant_t *q, int32_t step)
{
    const int tile = p->tile * EK_TILE * EK_BLOCK;
    w += p->gap;
#if EK_DSP
    if (p->out_c >= EK_TILE && p->act_min == -128 && p->act_max == 127) {
        ek_quads_t quads = {run, end, step, p->gap, q, dst, p->out_c, 0, w};
        ek_pairs_all(&quads, ek_pairs_quads_2, tile);
        return;
    }
#endif
    if (p->out_c < EK_TILE) {
        ek_pairs_tile_2(p, run, end, dst, w - (p->out_c > 2 ? 0 : p->gap / 2), q, step, p->out_c);
        return;
    }
    for (int oc = 0; oc < p->out_c; oc += EK_TILE, w += tile) {
        const int first = oc + EK_TILE <= p->out_c ? oc : p->out_c - EK_TILE;
        ek_pairs_tile_2(p, run, end, dst + first, w, q + first, step, EK_TILE);
    }
}

/* All channels of one pixel; `zero` is subtracted from each input. Of the bytes of a quad, `before` stand before the
 * biases, and `gap` lie between the last run and the next quad's biases. */
EK_KERNEL void ek_pairs_pixel(const ek_pairs_t *p, const ek_run_t *run, const ek_run_t *end, int8_t *dst,
                              const int8_t *w, const ek_requant_t *q, int32_t zero, int32_t before, int32_t gap)
{
    const int tile = p->tile * EK_TILE * EK_BLOCK;
    w += before;
    (void)gap;
#if EK_DSP
    if (p->out_c >= EK_TILE && p->act_min == -128 && p->act_max == 127) {
        ek_quads_t quads = {run, end, (int32_t)ek_pairs_lanes(-zero), gap, q, dst, p->out_c, 0, w};
        ek_pairs_all(&quads, ek_pairs_quads_1, tile);
        return;
    }
#endif
    if (p->out_c < EK_TILE) {
        ek_pairs_tile_1(p, run, end, dst, w - (p->out_c > 2 ? 0 : before / 2), q, zero, p->out_c);
        return;
    }
    for (int oc = 0; oc < p->out_c; oc += EK_TILE, w += tile) {
        const int first = oc + EK_TILE <= p->out_c ? oc : p->out_c - EK_TILE;
        ek_pairs_tile_1(p, run, end, dst + first, w, q + first, zero, EK_TILE);
    }
}

/* The same where it is rarely called: one copy serves all layers. runs: of them, `count` */
EK_SHARED void ek_pairs_single(const ek_pairs_t *p, const ek_run_t *runs, int count, int8_t *dst, const int8_t *w,
                               const ek_requant_t *q, int32_t zero, int32_t before, int32_t gap)
{
    ek_pairs_pixel(p, runs, runs + count, dst, w, q, zero, before, gap);
}

/* One pixel with all its taps. */
EK_KERNEL void ek_pairs_last(const ek_pairs_t *p, const ek_run_t *run, const ek_run_t *end, int8_t *dst,
                             const int8_t *w, const ek_requant_t *q)
{
    ek_pairs_single(p, run, (int)(end - run), dst, w, q, 0, p->gap, p->gap);
}

/* Runs over `n` inputs from x on: those that fill blocks, then the last EK_BLOCK, whose weights are zero where the
 * inputs are in the blocks before. Returns what lies behind them. */
EK_KERNEL ek_run_t *ek_pairs_run(ek_run_t *run, const int8_t *x, int n)
{
    const int whole = n - n % EK_BLOCK;
    *run++ = (ek_run_t){x, whole, 0};
    if (whole != n) {
        *run++ = (ek_run_t){x + n - EK_BLOCK, EK_BLOCK, 0};
    }
    return run;
}

/* The blocks of such runs. */
EK_KERNEL int ek_pairs_blocks(int n)
{
    return (n + EK_BLOCK - 1) / EK_BLOCK;
}

#endif
