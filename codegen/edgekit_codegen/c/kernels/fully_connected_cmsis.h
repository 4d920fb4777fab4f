/* fully_connected_cmsis.h: int8 vectors times a constant matrix by CMSIS-NN. */
#ifndef EK_FULLY_CONNECTED_CMSIS_H
#define EK_FULLY_CONNECTED_CMSIS_H

#include "ek_cmsis.h"

/* per_channel  every output has a multiplier and a shift of its own
 * sums         one int32 per output, for cores with MVE, stands before the weights: the bias, and what the input's zero
 *              point takes off the sum of products */
typedef struct {
    int32_t batches;
    int32_t in_c;
    int32_t out_c;
    cmsis_nn_fc_params fc;
    int32_t per_channel;
    int32_t sums;
} ek_fully_connected_cmsis_t;

EK_KERNEL void ek_fully_connected_cmsis(const ek_fully_connected_cmsis_t *p, const int8_t *const in[], int8_t *out,
                                        const void *w, void *scratch)
{
    const ek_cmsis_constants_t c = ek_cmsis_constants(w, p->out_c, p->per_channel ? p->out_c : 1);
    const cmsis_nn_quant_params quant = {c.quant.multiplier, c.quant.shift, p->per_channel};
    const cmsis_nn_dims from = {p->batches, 1, 1, p->in_c}, to = {p->batches, 1, 1, p->out_c};
    const cmsis_nn_dims weights = {p->in_c, 1, 1, p->out_c}, bias = {1, 1, 1, p->out_c};
    const cmsis_nn_context ctx = {p->sums ? (void *)c.behind : scratch, 0};
    const int8_t *const matrix = (const int8_t *)(c.behind + (p->sums ? p->out_c : 0));
    ek_cmsis_require(
        arm_fully_connected_wrapper_s8(&ctx, &p->fc, &quant, &from, in[0], &weights, matrix, &bias, c.bias, &to, out));
}

#endif
