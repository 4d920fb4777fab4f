/* ek_cmsis.h: what the layers that CMSIS-NN computes share. Needs the headers of CMSIS-NN on the search path.
 *
 * A function here computes a whole output: in[] points to the inputs, each in one piece, of which none shares a byte
 * with the output. Their structs hold CMSIS-NN's own, so that generated code fills these in as constants.
 */
#ifndef EK_CMSIS_H
#define EK_CMSIS_H

#include <arm_nnfunctions.h>

#include "ek_types.h"

/* CMSIS-NN refuses only what is never generated. */
static inline void ek_cmsis_require(arm_cmsis_nn_status status)
{
    if (status != ARM_CMSIS_NN_SUCCESS) {
        __builtin_trap();
    }
}

/* The constants of a layer of products: biases of all channels, then `scales` multipliers and as many shifts, behind
 * which come the weights, in the order of the .tflite. */
typedef struct {
    const int32_t *bias;
    cmsis_nn_per_channel_quant_params quant;
    const int32_t *behind;
} ek_cmsis_constants_t;

static inline ek_cmsis_constants_t ek_cmsis_constants(const void *w, int channels, int scales)
{
    const int32_t *const bias = (const int32_t *)w, *const multiplier = bias + channels;
    /* CMSIS-NN reads them only, though its types do not say so. */
    return (ek_cmsis_constants_t){
        bias, {(int32_t *)multiplier, (int32_t *)(multiplier + scales)}, multiplier + 2 * scales};
}

#endif
