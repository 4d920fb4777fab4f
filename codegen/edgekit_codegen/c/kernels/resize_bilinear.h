/* resize_bilinear.h: one row of an int8 image between two rows of another. */
#ifndef EK_RESIZE_BILINEAR_H
#define EK_RESIZE_BILINEAR_H

#include "ek_requant.h"

/* Pairs are (rows, pixels). Output element i lies at begin + i * step, in 1/1024 of an input element. */
typedef struct {
    int32_t in_w;
    int32_t channels;
    int32_t step[2];
    int32_t begin[2]; /* never below -1024 */
} ek_resize_bilinear_t;

/* Pixels x0 .. x1-1 of row y. in[] holds the rows above and below; one outside the image is NULL, then the other
 * stands for it, and so do pixels. */
EK_KERNEL void ek_resize_bilinear_row(const ek_resize_bilinear_t *p, const int8_t *const in[], int8_t *out, int y,
                                      int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const top = in[0] != NULL ? in[0] : in[1];
    const int8_t *const bottom = in[1] != NULL ? in[1] : in[0];
    const int32_t down = (y * p->step[0] + p->begin[0] + 1024) % 1024;
    int32_t place = x0 * p->step[1] + p->begin[1] + 1024;
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x, place += p->step[1]) {
        const int32_t pixel = place / 1024 - 1;
        const int32_t right = place % 1024;
        const int32_t a = ek_clamp(pixel, 0, p->in_w - 1) * p->channels;
        const int32_t b = ek_clamp(pixel + 1, 0, p->in_w - 1) * p->channels;
        for (int c = 0; c < p->channels; ++c) {
            const int32_t left_value = top[a + c] * (1024 - down) + bottom[a + c] * down;
            const int32_t right_value = top[b + c] * (1024 - down) + bottom[b + c] * down;
            const int32_t sum = left_value * (1024 - right) + right_value * right;
            out[x * p->channels + c] = (int8_t)ek_rounding_shift(sum, 20);
        }
    }
}

#endif
