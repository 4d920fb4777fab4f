/* pad.h: one row of an int8 tensor with a constant around it. */
#ifndef EK_PAD_H
#define EK_PAD_H

#include "ek_types.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t left;        /* pixels before the row */
    int32_t channels[2]; /* before and after those of the input */
    int32_t value;
} ek_pad_t;

/* in[0] is the input row, NULL where the output row lies above or below the input. */
EK_KERNEL void ek_pad_row(const ek_pad_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                          const ek_requant_t *q, void *scratch)
{
    const int32_t channels = p->channels[0] + p->in_c + p->channels[1];
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int i = x - p->left;
        int8_t *const pixel = out + x * channels;
        if (in[0] == NULL || i < 0 || i >= p->in_w) {
            for (int c = 0; c < channels; ++c) {
                pixel[c] = (int8_t)p->value;
            }
            continue;
        }
        for (int c = 0; c < p->channels[0]; ++c) {
            pixel[c] = (int8_t)p->value;
        }
        for (int c = 0; c < p->in_c; ++c) {
            pixel[p->channels[0] + c] = in[0][i * p->in_c + c];
        }
        for (int c = p->channels[0] + p->in_c; c < channels; ++c) {
            pixel[c] = (int8_t)p->value;
        }
    }
}

#endif
