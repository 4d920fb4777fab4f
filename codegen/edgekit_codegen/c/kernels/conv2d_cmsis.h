/* conv2d_cmsis.h: a convolution, dense or in groups, by CMSIS-NN. */
#ifndef EK_CONV2D_CMSIS_H
#define EK_CONV2D_CMSIS_H

#include "ek_cmsis.h"

/* Shapes as [images, rows, pixels, channels], of the weights as [out, rows, pixels, in]. */
typedef struct {
    cmsis_nn_dims in;
    cmsis_nn_dims weights;
    cmsis_nn_dims out;
    cmsis_nn_conv_params conv;
} ek_conv2d_cmsis_t;

EK_KERNEL void ek_conv2d_cmsis(const ek_conv2d_cmsis_t *p, const int8_t *const in[], int8_t *out, const void *w,
                               void *scratch)
{
    const ek_cmsis_constants_t c = ek_cmsis_constants(w, p->out.c, p->out.c);
    const cmsis_nn_dims bias = {1, 1, 1, p->out.c};
    const cmsis_nn_context ctx = {scratch, 0};
    ek_cmsis_require(arm_convolve_wrapper_s8(&ctx, &p->conv, &c.quant, &p->in, in[0], &p->weights,
                                             (const int8_t *)c.behind, &bias, c.bias, &p->out, out));
}

#endif
