"""A model written by hand against the ABI: two layers, two arena regions, and nothing of the compiler's involved."""

from __future__ import annotations

from edgekit import resources
from edgekit_codegen.emit import Sources
from edgekit_codegen.memory.plan import RegionUse

INPUT_BYTES = 64

MODEL_C = """\
#include "edgekit.h"

static const int8_t tiny_weights[64] = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16};

/* 00: add the weights, saturating */
static void layer_00(const ek_ctx_t *ctx)
{
    const int8_t *in = ctx->region[0];
    int8_t *out = ctx->region[1];
    for (int i = 0; i < 64; ++i) {
        const int sum = in[i] + tiny_weights[i];
        out[i] = (int8_t)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
    }
}

/* 01: negate into the output */
static void layer_01(const ek_ctx_t *ctx)
{
    const int8_t *in = ctx->region[1];
    int8_t *out = (int8_t *)ctx->region[1] + 64;
    for (int i = 0; i < 64; ++i) {
        out[i] = (int8_t)~in[i];
    }
}

static int tiny_invoke(const ek_ctx_t *ctx)
{
    if (ctx->mark) {
        ctx->mark(ctx->user, 0);
    }
    layer_00(ctx);
    if (ctx->mark) {
        ctx->mark(ctx->user, 1);
    }
    layer_01(ctx);
    return EK_OK;
}

static const uint32_t region_bytes[2] = {64, @SECOND@};
static const uint32_t region_align[2] = {32, 32};
static const ek_tensor_t inputs[1] = {
    {.name = "in", .bytes = 64, .dtype = EK_INT8, .region = 0, .rank = 2, .scale = 0.5f, .shape = {1, 64}}};
static const ek_tensor_t outputs[1] = {
    {.name = "out", .bytes = 64, .dtype = EK_INT8, .region = 1, .rank = 2, .scale = 0.5f, .offset = 64,
     .shape = {1, 64}}};

extern const ek_model_t tiny_model;
const ek_model_t tiny_model = {
    .name = "tiny",
    .n_layers = 2,
    .n_regions = 2,
    .n_inputs = 1,
    .n_outputs = 1,
    .region_bytes = region_bytes,
    .region_align = region_align,
    .inputs = inputs,
    .outputs = outputs,
    .invoke = tiny_invoke,
};
"""


def tiny(extra: str = "", second_region: int = 128, names: tuple[str, str] = ("dtcm", "sram")) -> Sources:
    """The model's sources. `extra` is C appended to it; `second_region` the bytes it claims in the second region."""
    files = {
        "edgekit.h": (resources.kernels() / "edgekit.h").read_text(encoding="utf-8"),
        "tiny.c": MODEL_C.replace("@SECOND@", str(second_region)) + extra,
        "layers.json": '{"layers": []}\n',
    }
    regions = (RegionUse(names[0], 64, 1 << 16, 32), RegionUse(names[1], second_region, 1 << 18, 32))
    return Sources("tiny", files, ("tiny.c",), regions, layers=2)


def expected(data: bytes) -> bytes:
    """What the model answers."""
    weights = [(i + 1) * (-1) ** i if i < 16 else 0 for i in range(64)]
    signed = [b - 256 if b > 127 else b for b in data]
    sums = [max(-128, min(127, a + w)) for a, w in zip(signed, weights, strict=True)]
    return bytes(~s & 0xFF for s in sums)
