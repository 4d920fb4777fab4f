/* Runs many models on this computer, one inference of each: MODELS lists their descriptors, the first argument has a
 * letter per model: 0 resident, i streamed input, o streamed output, b both. Reads the bytes of all inputs of each from
 * stdin, writes the bytes of all its outputs. Regions are exactly as large as each model says, and filled with garbage.
 */
#define _POSIX_C_SOURCE 200809L /* posix_memalign, which takes any size */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgekit.h"
#include "models.h"

static const ek_model_t *const models[] = {MODELS};
static const ek_model_t *model;
static int8_t *input_rows[8], *output_rows;
static int pulled; /* rows so far, of the one input that is streamed */

static size_t row_bytes(const ek_tensor_t *tensor)
{
    return tensor->bytes / (size_t)(tensor->rank == 4 ? tensor->shape[0] * tensor->shape[1] : 1);
}

static int pull(void *user, int row, int8_t *dst)
{
    (void)user;
    if (row != pulled++) {
        return 7; /* rows arrive once, in order */
    }
    memcpy(dst, input_rows[0] + (size_t)row * row_bytes(&model->inputs[0]), row_bytes(&model->inputs[0]));
    return 0;
}

static int push(void *user, int row, const int8_t *src)
{
    (void)user;
    memcpy(output_rows + (size_t)row * row_bytes(&model->outputs[0]), src, row_bytes(&model->outputs[0]));
    return 0;
}

static int infer(char streams)
{
    const int in = streams == 'i' || streams == 'b', out = streams == 'o' || streams == 'b';
    ek_ctx_t ctx = {.pull = pull, .push = push};
    for (int i = 0; i < model->n_regions; ++i) {
        if (posix_memalign(&ctx.region[i], model->region_align[i], model->region_bytes[i]) != 0) {
            return 5;
        }
        memset(ctx.region[i], 0xA5, model->region_bytes[i]);
    }
    if (model->init(&ctx) != EK_OK) {
        return 2;
    }
    pulled = 0;
    for (int i = 0; i < model->n_inputs; ++i) {
        const ek_tensor_t *const t = &model->inputs[i];
        input_rows[i] = malloc(t->bytes);
        if (fread(input_rows[i], 1, t->bytes, stdin) != t->bytes) {
            return 3;
        }
        if (!in || i > 0) {
            memcpy((uint8_t *)ctx.region[t->region] + t->offset, input_rows[i], t->bytes);
        }
    }
    output_rows = malloc(model->outputs[0].bytes);
    const int status = model->invoke(&ctx);
    for (int i = 0; i < model->n_outputs && status == EK_OK; ++i) {
        const ek_tensor_t *const t = &model->outputs[i];
        const uint8_t *const held = (const uint8_t *)ctx.region[t->region] + t->offset;
        fwrite(out && i == 0 ? (const uint8_t *)output_rows : held, 1, t->bytes, stdout);
    }
    for (int i = 0; i < model->n_regions; ++i) {
        free(ctx.region[i]);
    }
    for (int i = 0; i < model->n_inputs; ++i) {
        free(input_rows[i]);
    }
    free(output_rows);
    return status;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof models / sizeof *models; ++i) {
        model = models[i];
        const int status = infer(argv[1][i]);
        if (status != 0) {
            fprintf(stderr, "model %d: status %d\n", (int)i, status);
            return status;
        }
    }
    return 0;
}
