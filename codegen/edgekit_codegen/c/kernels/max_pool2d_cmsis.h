/* max_pool2d_cmsis.h: the largest element of each window by CMSIS-NN. */
#ifndef EK_MAX_POOL2D_CMSIS_H
#define EK_MAX_POOL2D_CMSIS_H

#include "ek_cmsis.h"

/* Shapes as [images, rows, pixels, channels]. */
typedef struct {
    cmsis_nn_dims in;
    cmsis_nn_dims window;
    cmsis_nn_dims out;
    cmsis_nn_pool_params pool;
} ek_max_pool2d_cmsis_t;

EK_KERNEL void ek_max_pool2d_cmsis(const ek_max_pool2d_cmsis_t *p, const int8_t *const in[], int8_t *out, const void *w,
                                   void *scratch)
{
    const cmsis_nn_context ctx = {scratch, 0};
    (void)w;
    ek_cmsis_require(arm_max_pool_s8(&ctx, &p->pool, &p->in, in[0], &p->window, &p->out, out));
}

#endif
