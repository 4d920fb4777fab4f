/* A model written by hand: out[i] = a[i] + b[i % 33], and the sum of b. Special first bytes of `a` make it misbehave.
 */
#include "ek_firmware.h"
#include "ek_port.h"

enum { A = 700, B = 33, FAULT = 66, FAIL = 67, HANG = 68, CHATTER = 69 };

static const uint32_t region_bytes[2] = {1536, 64};
static const uint32_t region_align[2] = {16, 16};
static const ek_tensor_t inputs[2] = {
    {.name = "a",
     .bytes = A,
     .dtype = EK_INT8,
     .region = 0,
     .rank = 4,
     .zero_point = -3,
     .scale = 0.5f,
     .offset = 0,
     .shape = {1, 7, 10, 10}},
    {.name = "b", .bytes = B, .dtype = EK_INT8, .region = 1, .rank = 2, .scale = 0.25f, .offset = 0, .shape = {1, B}},
};
static const ek_tensor_t outputs[2] = {
    {.name = "out",
     .bytes = A,
     .dtype = EK_INT8,
     .region = 0,
     .rank = 2,
     .scale = 1.0f,
     .offset = 800,
     .shape = {1, A}},
    {.name = "sum", .bytes = 4, .dtype = EK_INT32, .region = 1, .rank = 1, .scale = 1.0f, .offset = 36, .shape = {1}},
};

static int invoke(const ek_ctx_t *ctx)
{
    int8_t *const a = ctx->region[0];
    int8_t *const b = ctx->region[1];
    int8_t *const out = (int8_t *)ctx->region[0] + 800;
    int32_t *const sum = (int32_t *)(void *)((uint8_t *)ctx->region[1] + 36);
    const int order = a[0];

    ctx->mark(ctx->user, 0);
    for (int i = 0; i < A; ++i) {
        out[i] = (int8_t)(uint8_t)(a[i] + b[i % B]);
    }
    ctx->mark(ctx->user, 1);
    if (order == FAULT) {
        volatile uintptr_t nowhere = 0x10;
        *(volatile uint8_t *)nowhere = 1;
    }
    if (order == FAIL) {
        return -42;
    }
    while (order == HANG) {
        (void)ek_port_ticks();
    }
    if (order == CHATTER) {
        ek_port_write((const uint8_t *)"hello from the model\n", 21);
    }
    ctx->mark(ctx->user, 2);
    *sum = 0;
    for (int i = 0; i < B; ++i) {
        *sum += b[i];
    }
    for (int i = 0; i < A; ++i) {
        a[i] = 0; /* as later layers do, whose outputs lie over the input */
    }
    return EK_OK;
}

static const ek_model_t model = {
    .name = "by_hand",
    .n_layers = 3,
    .n_regions = 2,
    .n_inputs = 2,
    .n_outputs = 2,
    .region_bytes = region_bytes,
    .region_align = region_align,
    .inputs = inputs,
    .outputs = outputs,
    .invoke = invoke,
};

static _Alignas(16) uint8_t arena_0[1536];
static _Alignas(16) uint8_t arena_1[64];

static uint32_t layer_ticks[3];

const ek_firmware_t ek_firmware = {
    .model = &model,
    .region = {arena_0, arena_1},
    .layer_ticks = layer_ticks,
    .board = "host",
    .build_id = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF},
};
