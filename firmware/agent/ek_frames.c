#include "ek_frames.h"

#include "ek_bytes.h"
#include "ek_cobs.h"
#include "ek_crc32.h"
#include "ek_port.h"

#define FRAME_BYTES (EK_FRAME_HEADER + EK_AGENT_MAX_PAYLOAD + EK_FRAME_CRC)

static uint8_t rx[FRAME_BYTES];
static uint8_t tx[FRAME_BYTES];
static uint16_t tx_length;
static ek_cobs_t decoder = {.buffer = rx, .size = FRAME_BYTES};

/* Bytes read from the link and not yet decoded: what follows a frame waits here while the frame is handled. */
static uint8_t chunk[32];
static uint8_t chunk_at;
static uint8_t chunk_length;

static uint16_t rx_length; /* of the command in rx that was returned last */
static uint8_t is_put_back;

static int is_command(uint16_t length)
{
    if (length < EK_FRAME_HEADER + EK_FRAME_CRC || (rx[0] & EK_REPLY)) {
        return 0;
    }
    const uint16_t summed = (uint16_t)(length - EK_FRAME_CRC);
    return ek_crc32(0, rx, summed) == ek_get32(rx + summed);
}

void ek_frames_put_back(void)
{
    is_put_back = 1;
}

/* As ek_frames_poll, with the command left in rx. */
static int receive(uint32_t timeout_ms)
{
    if (is_put_back) {
        is_put_back = 0;
        return 1;
    }
    if (chunk_at == chunk_length) {
        const int n = ek_port_read(chunk, (int)sizeof chunk, timeout_ms);
        if (n <= 0) {
            return n;
        }
        chunk_at = 0;
        chunk_length = (uint8_t)n;
    }
    while (chunk_at < chunk_length) {
        rx_length = ek_cobs_feed(&decoder, chunk[chunk_at++]);
        if (rx_length != 0 && is_command(rx_length)) {
            return 1;
        }
    }
    return 0;
}

int ek_frames_poll(ek_command_t *command, uint32_t timeout_ms)
{
    const int got = receive(timeout_ms);
    if (got > 0) {
        command->kind = rx[0];
        command->seq = ek_get16(rx + 2);
        command->nonce = ek_get32(rx + 4);
        command->payload = rx + EK_FRAME_HEADER;
        command->length = (uint16_t)(rx_length - EK_FRAME_HEADER - EK_FRAME_CRC);
    }
    return got;
}

uint8_t *ek_frames_payload(void)
{
    return tx + EK_FRAME_HEADER;
}

/* Put header and CRC around `length` bytes of payload. Returns the frame's length. */
static uint16_t seal(uint8_t *frame, uint8_t kind, uint8_t status, uint16_t seq, uint32_t nonce, uint16_t length)
{
    const uint16_t summed = (uint16_t)(EK_FRAME_HEADER + length);
    ek_put32(ek_put16(ek_put8(ek_put8(frame, kind | EK_REPLY), status), seq), nonce);
    ek_put32(frame + summed, ek_crc32(0, frame, summed));
    return (uint16_t)(summed + EK_FRAME_CRC);
}

void ek_frames_send(uint8_t kind, uint8_t status, uint16_t seq, uint32_t nonce, uint16_t length)
{
    tx_length = seal(tx, kind, status, seq, nonce, length);
    ek_frames_resend();
}

void ek_frames_send_bare(uint8_t kind, uint8_t status, uint16_t seq, uint32_t nonce)
{
    uint8_t frame[EK_FRAME_HEADER + EK_FRAME_CRC];
    ek_cobs_send(frame, seal(frame, kind, status, seq, nonce, 0));
}

void ek_frames_resend(void)
{
    ek_cobs_send(tx, tx_length);
}
