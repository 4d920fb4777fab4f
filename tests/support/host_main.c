/* Runs any model on this computer: MODEL names its descriptor. Reads inferences from stdin until it ends, each the
 * bytes of all inputs; writes the bytes of all outputs. Regions are exactly as large as the model says, filled with
 * garbage before each inference, and freed after it. Streamed rows are served from the inputs and into the outputs. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign, which takes any size */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgekit.h"

extern const ek_model_t MODEL;

static int8_t *input_rows, *output_rows;
static int abort_at = -1;
static int marks;

static size_t row_bytes(const ek_tensor_t *tensor)
{
    return tensor->bytes / (size_t)(tensor->rank == 4 ? tensor->shape[1] : 1);
}

static int pull(void *user, int row, int8_t *dst)
{
    (void)user;
    if (row == abort_at) {
        return 42;
    }
    memcpy(dst, input_rows + (size_t)row * row_bytes(&MODEL.inputs[0]), row_bytes(&MODEL.inputs[0]));
    return 0;
}

static int push(void *user, int row, const int8_t *src)
{
    (void)user;
    memcpy(output_rows + (size_t)row * row_bytes(&MODEL.outputs[0]), src, row_bytes(&MODEL.outputs[0]));
    return 0;
}

static void mark(void *user, int layer)
{
    (void)user;
    marks += layer >= 0 && layer < MODEL.n_layers;
}

static int infer(int streamed_in, int streamed_out)
{
    ek_ctx_t ctx = {.pull = pull, .push = push, .mark = mark};
    for (int i = 0; i < MODEL.n_regions; ++i) {
        if (posix_memalign(&ctx.region[i], MODEL.region_align[i], MODEL.region_bytes[i]) != 0) {
            return 5;
        }
        memset(ctx.region[i], 0xA5, MODEL.region_bytes[i]);
    }
    if (MODEL.init(&ctx) != EK_OK) {
        return 2;
    }
    for (int i = 0; i < MODEL.n_inputs; ++i) {
        const ek_tensor_t *const t = &MODEL.inputs[i];
        int8_t *const bytes = malloc(t->bytes);
        if (fread(bytes, 1, t->bytes, stdin) != t->bytes) {
            return 3;
        }
        if (streamed_in) {
            input_rows = bytes;
        } else {
            memcpy((uint8_t *)ctx.region[t->region] + t->offset, bytes, t->bytes);
            free(bytes);
        }
    }
    output_rows = streamed_out ? malloc(MODEL.outputs[0].bytes) : NULL;
    const int status = MODEL.invoke(&ctx);
    for (int i = 0; i < MODEL.n_outputs && status == EK_OK; ++i) {
        const ek_tensor_t *const t = &MODEL.outputs[i];
        fwrite(streamed_out ? (uint8_t *)output_rows : (uint8_t *)ctx.region[t->region] + t->offset, 1, t->bytes,
               stdout);
    }
    for (int i = 0; i < MODEL.n_regions; ++i) {
        free(ctx.region[i]);
    }
    free(input_rows);
    free(output_rows);
    input_rows = output_rows = NULL;
    return status;
}

/* arguments: the number of inferences, streamed input, streamed output, the row at which pull fails */
int main(int argc, char **argv)
{
    const int n = argc > 1 ? atoi(argv[1]) : 1;
    abort_at = argc > 4 ? atoi(argv[4]) : -1;
    for (int i = 0; i < n; ++i) {
        const int status = infer(argc > 2 && atoi(argv[2]), argc > 3 && atoi(argv[3]));
        if (status != 0) {
            return status;
        }
    }
    return marks >= n * MODEL.n_layers ? 0 : 4;
}
