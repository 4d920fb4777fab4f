/* A model written by hand whose second input comes and whose second output leaves row by row: each row of the image
 * plus gain[row]; the first output has the rows' sums. Of either image it has room for one row. A first gain of FAIL
 * makes it fail behind the fifth row. */
#include "ek_firmware.h"
#include "ek_stream.h"

enum { ROWS = 12, ROW = 300, FAIL = 66, FAILED = 7 };

static const uint32_t region_bytes[1] = {1024};
static const uint32_t region_align[1] = {16};
static const ek_tensor_t inputs[2] = {
    {.name = "gain", .bytes = ROWS, .dtype = EK_INT8, .rank = 1, .scale = 1.0f, .offset = 0, .shape = {ROWS}},
    {.name = "image",
     .bytes = ROWS * ROW,
     .dtype = EK_INT8,
     .rank = 4,
     .scale = 1.0f,
     .shape = {1, ROWS, ROW, 1},
     .row_bytes = ROW},
};
static const ek_tensor_t outputs[2] = {
    {.name = "sums", .bytes = 4 * ROWS, .dtype = EK_INT32, .rank = 1, .scale = 1.0f, .offset = 320, .shape = {ROWS}},
    {.name = "sharp",
     .bytes = ROWS * ROW,
     .dtype = EK_INT8,
     .rank = 4,
     .scale = 1.0f,
     .shape = {1, ROWS, ROW, 1},
     .row_bytes = ROW},
};

static int invoke(const ek_ctx_t *ctx)
{
    const int8_t *const gain = ctx->region[0];
    int8_t *const row = (int8_t *)ctx->region[0] + 16;
    int32_t *const sums = (int32_t *)(void *)((uint8_t *)ctx->region[0] + 320);
    int8_t *const sharp = (int8_t *)ctx->region[0] + 384;
    for (int y = 0; y < ROWS; ++y) {
        int status = ctx->pull(ctx->user, y, row);
        if (status != EK_OK) {
            return status;
        }
        ctx->mark(ctx->user, 0);
        sums[y] = 0;
        for (int x = 0; x < ROW; ++x) {
            sums[y] += row[x];
        }
        ctx->mark(ctx->user, 1);
        for (int x = 0; x < ROW; ++x) {
            sharp[x] = (int8_t)(uint8_t)(row[x] + gain[y]);
        }
        status = ctx->push(ctx->user, y, sharp);
        if (status != EK_OK) {
            return status;
        }
        if (y == 4 && gain[0] == FAIL) {
            return FAILED;
        }
    }
    return EK_OK;
}

static const ek_model_t model = {
    .name = "through_rows",
    .n_layers = 2,
    .n_regions = 1,
    .n_inputs = 2,
    .n_outputs = 2,
    .region_bytes = region_bytes,
    .region_align = region_align,
    .inputs = inputs,
    .outputs = outputs,
    .invoke = invoke,
};

static _Alignas(16) uint8_t arena[1024];
static uint32_t layer_ticks[2];

const ek_firmware_t ek_firmware = {
    .model = &model,
    .region = {arena},
    .layer_ticks = layer_ticks,
    .pull = ek_agent_pull,
    .push = ek_agent_push,
    .board = "host",
    .build_id = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF},
};
