/* main.c: the agent. Brings the port up and answers the host's commands for good. */
#include "ek_frames.h"
#include "ek_memory.h"
#include "ek_port.h"
#include "ek_session.h"

int main(void)
{
    ek_port_init();
    ek_memory_paint_stack();
    for (;;) {
        ek_command_t command;
        const int got = ek_frames_poll(&command, 1000);
        if (got < 0) {
            return 0; /* only a port whose link can end, as a process's stdin, comes here */
        }
        if (got > 0) {
            ek_session_handle(&command);
        }
    }
}
