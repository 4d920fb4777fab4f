/* ek_stream.h: rows of a streamed input, fetched from the host while the model runs, and rows of a streamed output,
 * which the host takes. The agent keeps none of them: parts go from the frame to the model's own memory, or from there
 * into the frame. */
#ifndef EK_STREAM_H
#define EK_STREAM_H

#include <stdint.h>

/* What pull and push return, and so the model, where the row did not come, or was not taken. */
enum { EK_NO_ROW = -2 };

/* An inference begins: no row has come or left yet. */
void ek_stream_begin(void);

/* The CRC-32 of all rows that have come, and of all that have left, one after the other, as they lay in the model's
 * memory. */
uint32_t ek_stream_pulled(void);
uint32_t ek_stream_pushed(void);

/* The model's pull: tells the host which row is due and puts together what it sends. EK_OK, or EK_NO_ROW where the host
 * is gone or sends another command, which then is the next one to be carried out. Emulators and debuggers hook this
 * symbol: what runs between its entry and its return belongs to no layer. */
int ek_agent_pull(void *user, int row, int8_t *dst);

/* The model's push: tells the host that there is a row, and returns when the host has it. Otherwise as ek_agent_pull.
 */
int ek_agent_push(void *user, int row, const int8_t *src);

#endif
