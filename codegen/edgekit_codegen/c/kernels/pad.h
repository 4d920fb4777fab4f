/* pad.h: one row of an int8 tensor with a constant around it. */
#ifndef EK_PAD_H
#define EK_PAD_H

#include "ek_requant.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t rows;        /* before and after the input; 0: in[0] is never NULL */
    int32_t left;        /* pixels before the row */
    int32_t channels[2]; /* before and after those of the input */
    int32_t value;
} ek_pad_t;

/* Elements first .. end-1 of a row. */
static inline void ek_pad_fill(int8_t *row, int32_t first, int32_t end, int32_t value)
{
    for (int32_t i = first; i < end; ++i) {
        row[i] = (int8_t)value;
    }
}

/* in[0] is the input row, NULL where the output row lies above or below the input. */
EK_KERNEL void ek_pad_row(const ek_pad_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                          const ek_requant_t *q, void *scratch)
{
    const int32_t channels = p->channels[0] + p->in_c + p->channels[1];
    const int8_t *const row = in[0];
    const int border = p->rows != 0 && row == NULL;
    const int32_t inner = border ? x1 : ek_clamp(p->left, x0, x1);
    const int32_t end = border ? x1 : ek_clamp(p->left + p->in_w, x0, x1);
    (void)w;
    (void)q;
    (void)scratch;
    ek_pad_fill(out, x0 * channels, inner * channels, p->value);
    for (int32_t x = inner; x < end; ++x) {
        const int32_t first = x * channels + p->channels[0];
        ek_pad_fill(out, x * channels, first, p->value);
        for (int32_t c = 0; c < p->in_c; ++c) {
            out[first + c] = row[(x - p->left) * p->in_c + c];
        }
        ek_pad_fill(out, first + p->in_c, (x + 1) * channels, p->value);
    }
    ek_pad_fill(out, end * channels, x1 * channels, p->value);
}

#endif
