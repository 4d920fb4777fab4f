/* partial_sums.h: one row of what some input channels of a pointwise convolution add to its int32 sums.
 *
 * Two pixels by two output channels at a time: of four inputs each, 16 products take four loads. Sums wrap modulo 2^32.
 */
#ifndef EK_PARTIAL_SUMS_H
#define EK_PARTIAL_SUMS_H

#include "ek_dsp.h"
#include "ek_sums.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    int32_t pitch; /* elements from one pixel's sums to the next one's: 0 where all pixels begin with the same */
} ek_partial_sums_t;

/* sum[pixel][channel] += the products of in_c inputs, for `pixels` pixels, 1 or 2, and `channels` output channels, 1 or
 * 2, whose inputs and weights lie in_c apart; both numbers are constants where this is inlined. */
EK_KERNEL void ek_partial_sums_add(int32_t sum[2][2], const int8_t *x, const int8_t *w, int in_c, int pixels,
                                   int channels)
{
    int32_t a = sum[0][0], b = sum[0][1], c = sum[1][0], d = sum[1][1];
    int i = 0;
#if EK_DSP
    for (; i + 4 <= in_c; i += 4) {
        const uint32_t first = ek_word(w + i), second = channels > 1 ? ek_word(w + in_c + i) : 0;
        const uint32_t even = ek_sxtb16(first), odd = ek_sxtb16_odd(first);
        const uint32_t even2 = ek_sxtb16(second), odd2 = ek_sxtb16_odd(second);
        uint32_t values = ek_word(x + i);
        uint32_t low = ek_sxtb16(values), high = ek_sxtb16_odd(values);
        a = ek_smlad(high, odd, ek_smlad(low, even, a));
        if (channels > 1) {
            b = ek_smlad(high, odd2, ek_smlad(low, even2, b));
        }
        if (pixels > 1) {
            values = ek_word(x + in_c + i);
            low = ek_sxtb16(values);
            high = ek_sxtb16_odd(values);
            c = ek_smlad(high, odd, ek_smlad(low, even, c));
            if (channels > 1) {
                d = ek_smlad(high, odd2, ek_smlad(low, even2, d));
            }
        }
    }
#endif
    for (; i < in_c; ++i) {
        a = ek_wrapping_add(a, x[i] * w[i]);
        if (channels > 1) {
            b = ek_wrapping_add(b, x[i] * w[in_c + i]);
        }
        if (pixels > 1) {
            c = ek_wrapping_add(c, x[in_c + i] * w[i]);
            if (channels > 1) {
                d = ek_wrapping_add(d, x[in_c + i] * w[in_c + i]);
            }
        }
    }
    sum[0][0] = a;
    sum[0][1] = b;
    sum[1][0] = c;
    sum[1][1] = d;
}

/* As many pixels, all channels; one copy of each serves all layers. */
EK_KERNEL void ek_partial_sums_pixels(const ek_partial_sums_t *p, const ek_sum_t *from, ek_sum_t *to, const int8_t *x,
                                      const int8_t *w, int pixels)
{
    int oc = 0;
    for (; oc + 2 <= p->out_c; oc += 2, w += 2 * p->in_c) {
        int32_t sum[2][2] = {{from[oc], from[oc + 1]}, {0, 0}};
        if (pixels > 1) {
            sum[1][0] = from[p->pitch + oc];
            sum[1][1] = from[p->pitch + oc + 1];
        }
        ek_partial_sums_add(sum, x, w, p->in_c, pixels, 2);
        to[oc] = sum[0][0];
        to[oc + 1] = sum[0][1];
        if (pixels > 1) {
            to[p->out_c + oc] = sum[1][0];
            to[p->out_c + oc + 1] = sum[1][1];
        }
    }
    if (oc < p->out_c) {
        int32_t sum[2][2] = {{from[oc], 0}, {pixels > 1 ? from[p->pitch + oc] : 0, 0}};
        ek_partial_sums_add(sum, x, w, p->in_c, pixels, 1);
        to[oc] = sum[0][0];
        if (pixels > 1) {
            to[p->out_c + oc] = sum[1][0];
        }
    }
}

EK_SHARED void ek_partial_sums_two(const ek_partial_sums_t *p, const ek_sum_t *from, ek_sum_t *to, const int8_t *x,
                                   const int8_t *w)
{
    ek_partial_sums_pixels(p, from, to, x, w, 2);
}

EK_SHARED void ek_partial_sums_one(const ek_partial_sums_t *p, const ek_sum_t *from, ek_sum_t *to, const int8_t *x,
                                   const int8_t *w)
{
    ek_partial_sums_pixels(p, from, to, x, w, 1);
}

/* in[0]: the sums, of which out may be the same row; in[1]: the inputs. Pixels x0 .. x1-1 in ascending order, each sum
 * read before it is written. Weights: [out_c][in_c]. */
EK_KERNEL void ek_partial_sums_row(const ek_partial_sums_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_sum_t *const from = (const void *)in[0];
    ek_sum_t *const to = (void *)out;
    int x = x0;
    (void)q;
    (void)scratch;
    for (; x + 2 <= x1; x += 2) {
        ek_partial_sums_two(p, from + x * p->pitch, to + x * p->out_c, in[1] + x * p->in_c, w);
    }
    if (x < x1) {
        ek_partial_sums_one(p, from + x * p->pitch, to + x * p->out_c, in[1] + x * p->in_c, w);
    }
}

#endif
