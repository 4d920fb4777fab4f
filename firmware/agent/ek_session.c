#include "ek_session.h"

#include "ek_bytes.h"
#include "ek_firmware.h"
#include "ek_infer.h"
#include "ek_port.h"

static uint32_t nonce;
static uint16_t last_seq;
static uint8_t last_kind;
static uint16_t limit = EK_AGENT_MAX_PAYLOAD; /* the session's largest payload */

uint32_t ek_session_nonce(void)
{
    return nonce;
}

uint16_t ek_session_limit(void)
{
    return limit;
}

static uint8_t hello(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    const ek_model_t *const model = ek_firmware.model;
    if (command->length < 4) {
        return EK_STATUS_ARGUMENT;
    }
    const uint16_t host_limit = ek_get16(command->payload + 2);
    limit = host_limit < EK_AGENT_MAX_PAYLOAD ? host_limit : EK_AGENT_MAX_PAYLOAD;
    if (limit < EK_MIN_MAX_PAYLOAD) {
        limit = EK_MIN_MAX_PAYLOAD;
    }
    uint8_t *p = ek_put8(reply, EK_PROTOCOL_VERSION);
    p = ek_put8(ek_put8(ek_put8(p, model->n_inputs), model->n_outputs), model->n_regions);
    p = ek_put16(ek_put16(p, model->n_layers), limit);
    p = ek_put32(ek_put32(p, ek_port_clock_hz()), ek_port_ticks_hz());
    p = ek_put32(p, ek_port_boot_count());
    p = ek_put_bytes(p, ek_firmware.build_id, EK_BUILD_ID_BYTES);
    p = ek_put_name(ek_put_name(p, ek_firmware.board), model->name);
    *length = (uint16_t)(p - reply);
    return EK_STATUS_OK;
}

static uint8_t carry_out(const ek_command_t *command, uint8_t *reply, uint16_t *length)
{
    switch (command->kind) {
    case EK_KIND_HELLO:
        return hello(command, reply, length);
    case EK_KIND_TENSOR:
        return ek_infer_tensor(command, reply, length);
    case EK_KIND_BEGIN:
        return ek_infer_begin(command, reply, length);
    case EK_KIND_WRITE:
        return ek_infer_write(command, reply, length);
    case EK_KIND_INFER:
        return ek_infer_run(command, reply, length);
    case EK_KIND_LAYERS:
        return ek_infer_layers(command, limit, reply, length);
    case EK_KIND_READ:
        return ek_infer_read(command, limit, reply, length);
    case EK_KIND_MEM:
        return ek_infer_memory(command, reply, length);
    case EK_KIND_ROW:
    case EK_KIND_TAKE:
        return EK_STATUS_STATE; /* during an inference, ek_stream.c takes them */
    case EK_KIND_RESET:
        return EK_STATUS_OK;
    default:
        return EK_STATUS_UNKNOWN;
    }
}

int ek_session_admits(const ek_command_t *command)
{
    if (nonce != 0 && command->nonce == nonce) {
        const uint16_t ahead = (uint16_t)(command->seq - last_seq);
        if (ahead == 0) {
            ek_frames_resend(); /* the reply was lost: the command is not carried out again */
        }
        return ahead != 0 && ahead < 0x8000; /* older than the last: the host has moved on */
    }
    if (command->kind == EK_KIND_HELLO && command->nonce != 0) {
        return 1;
    }
    ek_frames_send_bare(command->kind, EK_STATUS_NO_SESSION, command->seq, command->nonce);
    return 0;
}

void ek_session_take(const ek_command_t *command)
{
    last_seq = command->seq;
    last_kind = command->kind;
}

void ek_session_reply(uint8_t status, uint16_t length)
{
    ek_frames_send(last_kind, status, last_seq, nonce, length);
}

void ek_session_reply_early(uint8_t status)
{
    ek_frames_send_bare(last_kind, status, last_seq, nonce);
}

void ek_session_handle(const ek_command_t *command)
{
    if (!ek_session_admits(command)) {
        return;
    }
    if (command->nonce != nonce) {
        nonce = command->nonce;
        ek_infer_forget();
    }
    ek_session_take(command);
    uint16_t length = 0;
    const uint8_t status = carry_out(command, ek_frames_payload(), &length);
    ek_session_reply(status, length); /* an inference may have taken other commands since */
    if (command->kind == EK_KIND_RESET) {
        ek_port_reset();
    }
}
