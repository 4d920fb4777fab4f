/* A model written by hand whose second input comes row by row: out[row] sums row `row` of the image, each byte times
 * its place, and adds gain[row]. Of the image it has room for one row. */
#include "ek_firmware.h"
#include "ek_stream.h"

enum { ROWS = 12, ROW = 300 };

static const uint32_t region_bytes[1] = {512};
static const uint32_t region_align[1] = {16};
static const ek_tensor_t inputs[2] = {
    {.name = "gain", .bytes = ROWS, .dtype = EK_INT8, .rank = 1, .scale = 1.0f, .offset = 0, .shape = {ROWS}},
    {.name = "image",
     .bytes = ROWS * ROW,
     .dtype = EK_INT8,
     .rank = 4,
     .scale = 1.0f,
     .offset = 16,
     .shape = {1, ROWS, ROW, 1},
     .row_bytes = ROW},
};
static const ek_tensor_t outputs[1] = {
    {.name = "out", .bytes = 4 * ROWS, .dtype = EK_INT32, .rank = 1, .scale = 1.0f, .offset = 320, .shape = {ROWS}},
};

static int invoke(const ek_ctx_t *ctx)
{
    const int8_t *const gain = ctx->region[0];
    int8_t *const row = (int8_t *)ctx->region[0] + 16;
    int32_t *const out = (int32_t *)(void *)((uint8_t *)ctx->region[0] + 320);
    for (int y = 0; y < ROWS; ++y) {
        const int status = ctx->pull(ctx->user, y, row);
        if (status != EK_OK) {
            return status;
        }
        ctx->mark(ctx->user, 0);
        out[y] = 0;
        for (int x = 0; x < ROW; ++x) {
            out[y] += row[x] * (x + 1);
        }
        ctx->mark(ctx->user, 1);
        out[y] += gain[y];
    }
    return EK_OK;
}

static const ek_model_t model = {
    .name = "by_row",
    .n_layers = 2,
    .n_regions = 1,
    .n_inputs = 2,
    .n_outputs = 1,
    .region_bytes = region_bytes,
    .region_align = region_align,
    .inputs = inputs,
    .outputs = outputs,
    .invoke = invoke,
};

static _Alignas(16) uint8_t arena[512];
static uint32_t layer_ticks[2];

const ek_firmware_t ek_firmware = {
    .model = &model,
    .region = {arena},
    .layer_ticks = layer_ticks,
    .pull = ek_agent_pull,
    .board = "host",
    .build_id = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF},
};
