/* mirror_pad.h: one row of an int8 tensor with a mirrored border. */
#ifndef EK_MIRROR_PAD_H
#define EK_MIRROR_PAD_H

#include "ek_copy.h"
#include "ek_requant.h"

typedef struct {
    int32_t dims;        /* before the last two, each with the four figures below, the innermost first */
    int32_t out_size[4]; /* with the border */
    int32_t in_size[4];
    int32_t before[4];
    int32_t step[4]; /* elements of the contiguous input from one index to the next */
    int32_t in_w;
    int32_t in_c;
    int32_t left;        /* pixels before the row */
    int32_t channels[2]; /* before and after those of the input */
    int32_t edge;        /* 1: the outermost element is the mirror, 0: it is repeated */
} ek_mirror_pad_t;

/* Where index i of 0 .. size-1 lies when both ends are mirrors. */
static inline int32_t ek_mirrored(int32_t i, int32_t size, int32_t edge)
{
    return i < 0 ? edge - 1 - i : i < size ? i : 2 * size - 1 - edge - i;
}

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y. */
EK_KERNEL void ek_mirror_pad_row(const ek_mirror_pad_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    const int32_t channels = p->channels[0] + p->in_c + p->channels[1];
    const int8_t *row = in[0];
    int32_t rest = y;
    (void)w;
    (void)q;
    (void)scratch;
    for (int32_t i = 0; i < p->dims; ++i) {
        row += ek_mirrored(rest % p->out_size[i] - p->before[i], p->in_size[i], p->edge) * p->step[i];
        rest /= p->out_size[i];
    }
    int32_t x = x0;
    while (x < x1) {
        const int32_t inner = x - p->left;
        if (channels == p->in_c && inner >= 0 && inner < p->in_w) {
            const int32_t count = (p->in_w - inner < x1 - x ? p->in_w - inner : x1 - x);
            ek_copy(out + x * channels, row + inner * channels, count * channels);
            x += count;
            continue;
        }
        const int8_t *const from = row + ek_mirrored(inner, p->in_w, p->edge) * p->in_c;
        int8_t *const pixel = out + x * channels + p->channels[0];
        for (int32_t c = -p->channels[0]; c < 0; ++c) {
            pixel[c] = from[ek_mirrored(c, p->in_c, p->edge)];
        }
        ek_copy(pixel, from, p->in_c);
        for (int32_t c = p->in_c; c < p->in_c + p->channels[1]; ++c) {
            pixel[c] = from[ek_mirrored(c, p->in_c, p->edge)];
        }
        ++x;
    }
}

#endif
