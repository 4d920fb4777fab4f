/* pad.h: one row of an int8 tensor with a constant around it. */
#ifndef EK_PAD_H
#define EK_PAD_H

#include "ek_copy.h"
#include "ek_requant.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t rows;        /* before and after the input; 0: in[0] is never NULL */
    int32_t left;        /* pixels before the row */
    int32_t channels[2]; /* before and after those of the input */
    int32_t value;
} ek_pad_t;

/* in[0] is the input row, NULL where the output row lies above or below the input. */
EK_KERNEL void ek_pad_row(const ek_pad_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                          const ek_requant_t *q, void *scratch)
{
    const int32_t around = p->channels[0] + p->channels[1];
    const int32_t channels = p->in_c + around;
    const int8_t *const row = in[0];
    const int border = p->rows != 0 && row == NULL;
    const int32_t inner = border ? x1 : ek_clamp(p->left, x0, x1);
    const int32_t end = border ? x1 : ek_clamp(p->left + p->in_w, x0, x1);
    (void)w;
    (void)q;
    (void)scratch;
    ek_fill(out + x0 * channels, p->value, (inner - x0) * channels);
    if (around == 0 && inner < end) {
        ek_copy(out + inner * channels, row + (inner - p->left) * channels, (end - inner) * channels);
    } else {
        for (int32_t x = inner; x < end; ++x) {
            int8_t *const pixel = out + x * channels;
            ek_fill(pixel, p->value, p->channels[0]);
            ek_copy(pixel + p->channels[0], row + (x - p->left) * p->in_c, p->in_c);
            ek_fill(pixel + p->channels[0] + p->in_c, p->value, p->channels[1]);
        }
    }
    ek_fill(out + end * channels, p->value, (x1 - end) * channels);
}

#endif
