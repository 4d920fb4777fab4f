#include "ek_stream.h"

#include "ek_bytes.h"
#include "ek_crc32.h"
#include "ek_firmware.h"
#include "ek_frames.h"
#include "ek_infer.h"
#include "ek_session.h"

enum { PART_HEADER = 8, TAKE_BYTES = 10 }; /* row and offset, before the data; and before the count */

static uint32_t pulled;
static uint32_t pushed;

void ek_stream_begin(void)
{
    pulled = 0;
    pushed = 0;
}

uint32_t ek_stream_pulled(void)
{
    return pulled;
}

uint32_t ek_stream_pushed(void)
{
    return pushed;
}

/* Of the one of some tensors that is streamed. */
static uint32_t row_bytes(const ek_tensor_t *tensor)
{
    while (tensor->row_bytes == 0) {
        ++tensor;
    }
    return tensor->row_bytes;
}

/* Wait for the host's next command, and take it. 0 where that is not of this kind, or the link is closed. */
static int next(uint8_t kind, ek_command_t *command)
{
    for (;;) {
        const int got = ek_frames_poll(command, 1000);
        if (got < 0) {
            return 0;
        }
        if (got > 0 && ek_session_admits(command)) {
            if (command->kind == kind) {
                ek_session_take(command);
                return 1;
            }
            ek_frames_put_back();
            return 0;
        }
    }
}

/* Bytes of the row's data from `have` on that a command brings; 0 where it brings something else. */
static uint32_t part_of(const ek_command_t *command, uint32_t row, uint32_t have, uint32_t bytes)
{
    if (command->length < PART_HEADER || ek_get32(command->payload) != row || ek_get32(command->payload + 4) != have) {
        return 0;
    }
    const uint32_t n = (uint32_t)command->length - PART_HEADER;
    return n <= bytes - have ? n : 0;
}

/* The command in progress, which is INFER or the one that ended the row before, is answered with what is due, and so is
 * every further one but that which ends this row: it gets its reply when the next row is due, or with the result. */
static int fetch(uint32_t row, uint8_t *dst, uint32_t bytes)
{
    for (uint32_t have = 0; have < bytes;) {
        ek_command_t command;
        ek_put32(ek_put32(ek_frames_payload(), row), have);
        ek_session_reply(EK_STATUS_ROW, PART_HEADER);
        if (!next(EK_KIND_ROW, &command)) {
            return EK_NO_ROW;
        }
        const uint32_t n = part_of(&command, row, have, bytes);
        ek_put_bytes(dst + have, command.payload + PART_HEADER, n);
        have += n;
    }
    ek_session_reply_early(EK_STATUS_ACCEPTED);
    pulled = ek_crc32(pulled, dst, bytes);
    return EK_OK;
}

/* What a TAKE asks for: `count` bytes of the row from `offset` on, none from its end on where the host has all of it.
 * Returns 0 where it is of another row, or asks for more than there is or goes into a frame. */
static int asks(const ek_command_t *command, uint32_t row, uint32_t bytes, uint32_t *offset, uint16_t *count)
{
    if (command->length != TAKE_BYTES || ek_get32(command->payload) != row) {
        return 0;
    }
    *offset = ek_get32(command->payload + 4);
    *count = ek_get16(command->payload + PART_HEADER);
    return *offset <= bytes && *count <= bytes - *offset && *count <= ek_session_limit();
}

/* The command in progress is answered with the row that is there, and each TAKE with its part of it. That which says
 * that the host has all of it gets its reply when the next row is due, or with the result. */
static int hand_over(uint32_t row, const uint8_t *src, uint32_t bytes)
{
    pushed = ek_crc32(pushed, src, bytes);
    ek_put32(ek_frames_payload(), row);
    ek_session_reply(EK_STATUS_TAKE, 4);
    for (;;) {
        ek_command_t command;
        uint32_t offset = 0;
        uint16_t count = 0;
        if (!next(EK_KIND_TAKE, &command)) {
            return EK_NO_ROW;
        }
        if (!asks(&command, row, bytes, &offset, &count)) {
            ek_session_reply(EK_STATUS_ARGUMENT, 0);
        } else if (offset < bytes) {
            ek_put_bytes(ek_frames_payload(), src + offset, count);
            ek_session_reply(EK_STATUS_OK, count);
        } else {
            ek_session_reply_early(EK_STATUS_ACCEPTED);
            return EK_OK;
        }
    }
}

int ek_agent_pull(void *user, int row, int8_t *dst)
{
    (void)user;
    ek_infer_pause();
    const int result = fetch((uint32_t)row, (uint8_t *)dst, row_bytes(ek_firmware.model->inputs));
    ek_infer_resume();
    return result;
}

int ek_agent_push(void *user, int row, const int8_t *src)
{
    (void)user;
    ek_infer_pause();
    const int result = hand_over((uint32_t)row, (const uint8_t *)src, row_bytes(ek_firmware.model->outputs));
    ek_infer_resume();
    return result;
}
