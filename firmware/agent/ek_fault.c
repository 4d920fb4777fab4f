#include "ek_fault.h"

#include "ek_bytes.h"
#include "ek_frames.h"
#include "ek_infer.h"
#include "ek_port.h"
#include "ek_session.h"

static void report(const ek_fault_t *fault, uint16_t layer, uint16_t seq, uint32_t nonce)
{
    uint8_t *const payload = ek_frames_payload();
    uint8_t *p = ek_put32(ek_put32(ek_put32(payload, fault->pc), fault->lr), fault->sp);
    p = ek_put32(ek_put32(ek_put32(p, fault->xpsr), fault->cfsr), fault->hfsr);
    p = ek_put32(ek_put32(ek_put32(p, fault->mmfar), fault->bfar), fault->exception);
    p = ek_put16(p, layer);
    ek_frames_send(EK_KIND_FAULT, EK_STATUS_OK, seq, nonce, (uint16_t)(p - payload));
}

_Noreturn void ek_agent_fault(const ek_fault_t *fault)
{
    const uint16_t layer = ek_infer_layer();
    report(fault, layer, EK_SEQ_UNSOLICITED, ek_session_nonce());
    for (;;) {
        ek_command_t command;
        const int got = ek_frames_poll(&command, 1000);
        if (got > 0 && command.kind == EK_KIND_RESET) {
            ek_frames_send_bare(EK_KIND_RESET, EK_STATUS_OK, command.seq, command.nonce);
            ek_port_reset();
        }
        if (got > 0) {
            report(fault, layer, command.seq, command.nonce);
        }
        if (got < 0) {
            ek_port_reset(); /* nobody is left to ask: a process ends or starts afresh */
        }
    }
}
