#include "ek_cobs.h"

#include "ek_port.h"

static void push(ek_cobs_t *cobs, uint8_t byte)
{
    if (cobs->length < cobs->size) {
        cobs->buffer[cobs->length++] = byte;
    } else {
        cobs->bad = 1;
    }
}

uint16_t ek_cobs_feed(ek_cobs_t *cobs, uint8_t byte)
{
    if (byte == 0) {
        const uint16_t length = (cobs->bad || cobs->left) ? 0 : cobs->length;
        cobs->length = 0;
        cobs->code = 0;
        cobs->left = 0;
        cobs->bad = 0;
        return length;
    }
    if (cobs->left) {
        --cobs->left;
        push(cobs, byte);
        return 0;
    }
    /* A block of 254 bytes (code 0xFF) stands for no zero, nor does the start of the frame. */
    if (cobs->code != 0 && cobs->code != 0xFF) {
        push(cobs, 0);
    }
    cobs->code = byte;
    cobs->left = (uint8_t)(byte - 1);
    return 0;
}

void ek_cobs_send(const uint8_t *bytes, uint16_t n)
{
    static const uint8_t zero = 0;
    uint16_t at = 0;
    ek_port_write(&zero, 1);
    for (;;) {
        uint16_t end = at;
        while (end < n && bytes[end] != 0 && end - at < 254) {
            ++end;
        }
        const uint8_t code = (uint8_t)(end - at + 1);
        ek_port_write(&code, 1);
        if (end > at) {
            ek_port_write(bytes + at, end - at);
        }
        if (end == n) {
            break;
        }
        at = code == 0xFF ? end : (uint16_t)(end + 1);
    }
    ek_port_write(&zero, 1);
}
