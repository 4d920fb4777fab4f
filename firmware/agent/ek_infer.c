#include "ek_infer.h"

#include <stddef.h>

#include "ek_bytes.h"
#include "ek_crc32.h"
#include "ek_firmware.h"
#include "ek_memory.h"
#include "ek_port.h"
#include "ek_stream.h"

enum { IDLE, BEGUN, DONE };

static uint8_t state;
static ek_ctx_t context;

/* Timing of the last inference. `since` is when the current layer began. */
static uint32_t since;
static uint64_t total;
static uint16_t layer_now = EK_NO_LAYER;

/* What passed since the layer's begin, or since it went on, counts for it; one that runs in several pieces adds up. */
static inline void count(uint32_t now)
{
    const uint32_t elapsed = now - since;
    total += elapsed;
    if (layer_now < ek_firmware.model->n_layers) {
        ek_firmware.layer_ticks[layer_now] += elapsed;
    }
}

void ek_infer_pause(void)
{
    count(ek_port_ticks());
}

void ek_infer_resume(void)
{
    since = ek_port_ticks();
}

/* Neither inlined nor cloned: its address and its calls are an interface. */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((noinline, noclone, used))
#else
__attribute__((noinline, used))
#endif
void ek_agent_mark(void *user, int layer)
{
    count(ek_port_ticks());
    (void)user;
    layer_now = (uint16_t)layer;
    since = ek_port_ticks(); /* again, so that the lines above count for no layer */
}

static uint8_t *tensor_bytes(const ek_tensor_t *tensor)
{
    return (uint8_t *)ek_firmware.region[tensor->region] + tensor->offset;
}

/* Of all but streamed ones. */
static uint32_t crc_of(const ek_tensor_t *tensors, uint8_t n)
{
    uint32_t crc = 0;
    for (uint8_t i = 0; i < n; ++i) {
        if (tensors[i].row_bytes == 0) {
            crc = ek_crc32(crc, tensor_bytes(&tensors[i]), tensors[i].bytes);
        }
    }
    return crc;
}

static uint8_t model_error(int result, uint8_t *reply, uint16_t *length)
{
    state = IDLE;
    ek_put32(reply, (uint32_t)result);
    *length = 4;
    return EK_STATUS_MODEL;
}

void ek_infer_forget(void)
{
    state = IDLE;
}

uint16_t ek_infer_layer(void)
{
    return layer_now;
}

uint8_t ek_infer_tensor(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    if (command->length != 2 || command->payload[0] > 1) {
        return EK_STATUS_ARGUMENT;
    }
    const uint8_t is_output = command->payload[0];
    if (command->payload[1] >= (is_output ? model->n_outputs : model->n_inputs)) {
        return EK_STATUS_ARGUMENT;
    }
    const ek_tensor_t *const tensor = (is_output ? model->outputs : model->inputs) + command->payload[1];
    const union {
        float number;
        uint32_t bits;
    } scale = {.number = tensor->scale};
    uint8_t *p = ek_put32(ek_put32(reply, tensor->bytes), tensor->row_bytes);
    p = ek_put32(p, scale.bits);
    p = ek_put32(p, (uint32_t)tensor->zero_point);
    for (int i = 0; i < EK_MAX_RANK; ++i) {
        p = ek_put32(p, (uint32_t)tensor->shape[i]);
    }
    p = ek_put8(ek_put8(p, tensor->dtype), tensor->rank);
    p = ek_put_name(p, tensor->name);
    *length = (uint16_t)(p - reply);
    return EK_STATUS_OK;
}

uint8_t ek_infer_begin(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    if (command->length != 0) {
        return EK_STATUS_ARGUMENT;
    }
    for (uint8_t i = 0; i < model->n_regions; ++i) {
        context.region[i] = ek_firmware.region[i];
        ek_memory_paint(ek_firmware.region[i], model->region_bytes[i]);
    }
    context.mark = ek_agent_mark;
    context.pull = ek_firmware.pull;
    context.push = ek_firmware.push;
    const int result = model->init ? model->init(&context) : EK_OK;
    if (result != EK_OK) {
        return model_error(result, reply, length);
    }
    state = BEGUN;
    return EK_STATUS_OK;
}

uint8_t ek_infer_write(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    (void)reply;
    (void)length;
    if (command->length < 5 || command->payload[0] >= model->n_inputs) {
        return EK_STATUS_ARGUMENT;
    }
    if (state != BEGUN) {
        return EK_STATUS_STATE;
    }
    const ek_tensor_t *const tensor = &model->inputs[command->payload[0]];
    const uint32_t offset = ek_get32(command->payload + 1);
    const uint32_t n = (uint32_t)command->length - 5;
    if (tensor->row_bytes != 0 || offset > tensor->bytes || n > tensor->bytes - offset) {
        return EK_STATUS_ARGUMENT;
    }
    ek_put_bytes(tensor_bytes(tensor) + offset, command->payload + 5, n);
    return EK_STATUS_OK;
}

uint8_t ek_infer_run(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    if (command->length != 4) {
        return EK_STATUS_ARGUMENT;
    }
    if (state != BEGUN) {
        return EK_STATUS_STATE;
    }
    const uint32_t crc = crc_of(model->inputs, model->n_inputs);
    if (crc != ek_get32(command->payload)) {
        ek_put32(reply, crc);
        *length = 4;
        return EK_STATUS_INPUT;
    }
    ek_frames_send_bare(command->kind, EK_STATUS_ACCEPTED, command->seq, command->nonce);

    for (uint16_t i = 0; i < model->n_layers; ++i) {
        ek_firmware.layer_ticks[i] = 0;
    }
    ek_stream_begin();
    total = 0;
    layer_now = EK_NO_LAYER;
    since = ek_port_ticks();
    const int result = model->invoke(&context);
    ek_agent_mark(NULL, model->n_layers);
    layer_now = EK_NO_LAYER;
    if (result != EK_OK) {
        return model_error(result, reply, length);
    }

    state = DONE;
    uint8_t *p = ek_put32(ek_put32(reply, (uint32_t)total), (uint32_t)(total >> 32));
    p = ek_put32(p, crc_of(model->outputs, model->n_outputs));
    p = ek_put32(ek_put32(p, ek_stream_pulled()), ek_stream_pushed());
    p = ek_put16(p, ek_firmware.model->n_layers);
    *length = (uint16_t)(p - reply);
    return EK_STATUS_OK;
}

uint8_t ek_infer_layers(const ek_command_t *command, uint16_t limit, uint8_t *reply, uint16_t *length)
{
    if (command->length != 4) {
        return EK_STATUS_ARGUMENT;
    }
    if (state != DONE) {
        return EK_STATUS_STATE;
    }
    const uint16_t first = ek_get16(command->payload);
    const uint16_t count = ek_get16(command->payload + 2);
    if (first > ek_firmware.model->n_layers || count > ek_firmware.model->n_layers - first || 4u * count > limit) {
        return EK_STATUS_ARGUMENT;
    }
    uint8_t *p = reply;
    for (uint16_t i = 0; i < count; ++i) {
        p = ek_put32(p, ek_firmware.layer_ticks[first + i]);
    }
    *length = (uint16_t)(p - reply);
    return EK_STATUS_OK;
}

uint8_t ek_infer_read(const ek_command_t *command, uint16_t limit, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    if (command->length != 7 || command->payload[0] >= model->n_outputs) {
        return EK_STATUS_ARGUMENT;
    }
    if (state != DONE) {
        return EK_STATUS_STATE;
    }
    const ek_tensor_t *const tensor = &model->outputs[command->payload[0]];
    const uint32_t offset = ek_get32(command->payload + 1);
    const uint16_t n = ek_get16(command->payload + 5);
    if (tensor->row_bytes != 0 || offset > tensor->bytes || n > tensor->bytes - offset || n > limit) {
        return EK_STATUS_ARGUMENT;
    }
    ek_put_bytes(reply, tensor_bytes(tensor) + offset, n);
    *length = n;
    return EK_STATUS_OK;
}

uint8_t ek_infer_memory(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    uint32_t used = 0;
    uint32_t size = 0;
    if (command->length != 0) {
        return EK_STATUS_ARGUMENT;
    }
    ek_memory_stack(&used, &size);
    uint8_t *p = ek_put8(ek_put32(ek_put32(reply, used), size), model->n_regions);
    for (uint8_t i = 0; i < model->n_regions; ++i) {
        p = ek_put32(p, ek_memory_high_water(ek_firmware.region[i], model->region_bytes[i]));
        p = ek_put32(p, model->region_bytes[i]);
    }
    *length = (uint16_t)(p - reply);
    return EK_STATUS_OK;
}
