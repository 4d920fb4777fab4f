/* max_pool2d.h: one row of maxima over a window of an int8 image. */
#ifndef EK_MAX_POOL2D_H
#define EK_MAX_POOL2D_H

#include "ek_requant.h"
#include "ek_window.h"

typedef struct {
    int32_t in_w;
    int32_t channels;
    int32_t kernel[2]; /* rows, pixels */
    int32_t stride;    /* of the pixels */
    int32_t pad;       /* pixels before the row; less than the kernel */
    int32_t act_min;
    int32_t act_max;
} ek_max_pool2d_t;

/* Only elements inside the image count. */
EK_KERNEL void ek_max_pool2d_row(const ek_max_pool2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride, 1, p->pad};
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int start = x * p->stride - p->pad;
        const int first = start + ek_window_tap_first(&win, start);
        const int end = start + ek_window_tap_end(&win, start);
        int8_t *const result = out + x * p->channels;
        for (int c = 0; c < p->channels; ++c) {
            result[c] = (int8_t)p->act_min;
        }
        for (int ky = 0; ky < p->kernel[0]; ++ky) {
            if (in[ky] == NULL) {
                continue;
            }
            for (int i = first; i < end; ++i) {
                const int8_t *const pixel = in[ky] + i * p->channels;
                for (int c = 0; c < p->channels; ++c) {
                    result[c] = pixel[c] > result[c] ? pixel[c] : result[c];
                }
            }
        }
        for (int c = 0; c < p->channels; ++c) {
            result[c] = result[c] > p->act_max ? (int8_t)p->act_max : result[c];
        }
    }
}

#endif
