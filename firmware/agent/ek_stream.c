#include "ek_stream.h"

#include "ek_bytes.h"
#include "ek_crc32.h"
#include "ek_firmware.h"
#include "ek_frames.h"
#include "ek_infer.h"
#include "ek_session.h"

enum { PART_HEADER = 8 }; /* row and offset, before the data */

static uint32_t crc;

void ek_stream_begin(void)
{
    crc = 0;
}

uint32_t ek_stream_crc(void)
{
    return crc;
}

/* Of the one streamed input. */
static uint32_t row_bytes(void)
{
    const ek_tensor_t *input = ek_firmware.model->inputs;
    while (input->row_bytes == 0) {
        ++input;
    }
    return input->row_bytes;
}

/* Wait for the host's next ROW. 0 where it sent another command, or the link is closed. */
static int next_part(ek_command_t *command)
{
    for (;;) {
        const int got = ek_frames_poll(command, 1000);
        if (got < 0) {
            return 0;
        }
        if (got > 0 && ek_session_admits(command)) {
            if (command->kind == EK_KIND_ROW) {
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

/* The command in progress, which is INFER or the ROW that ended the row before, is answered with what is due, and so is
 * every further one but that which ends this row: it gets its reply when the next row is due, or with the result. */
static int fetch(uint32_t row, uint8_t *dst, uint32_t bytes)
{
    for (uint32_t have = 0; have < bytes;) {
        ek_command_t command;
        ek_put32(ek_put32(ek_frames_payload(), row), have);
        ek_session_reply(EK_STATUS_ROW, PART_HEADER);
        if (!next_part(&command)) {
            return EK_NO_ROW;
        }
        ek_session_take(&command);
        const uint32_t n = part_of(&command, row, have, bytes);
        ek_put_bytes(dst + have, command.payload + PART_HEADER, n);
        have += n;
    }
    ek_session_reply_early(EK_STATUS_ACCEPTED);
    crc = ek_crc32(crc, dst, bytes);
    return EK_OK;
}

int ek_agent_pull(void *user, int row, int8_t *dst)
{
    (void)user;
    ek_infer_pause();
    const int result = fetch((uint32_t)row, (uint8_t *)dst, row_bytes());
    ek_infer_resume();
    return result;
}
