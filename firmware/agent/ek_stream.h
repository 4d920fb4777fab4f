/* ek_stream.h: a streamed input's rows, fetched from the host while the model runs. The agent keeps none of them: parts
 * go from the frame to the model's own memory. */
#ifndef EK_STREAM_H
#define EK_STREAM_H

#include <stdint.h>

/* What pull returns, and so the model, where the row did not come. */
enum { EK_NO_ROW = -2 };

/* An inference begins: no row has come yet. */
void ek_stream_begin(void);

/* The CRC-32 of all rows that have come, one after the other, as they lay in the model's memory. */
uint32_t ek_stream_crc(void);

/* The model's pull: tells the host which row is due and puts together what it sends. EK_OK, or EK_NO_ROW where the host
 * is gone or sends another command, which then is the next one to be carried out. Emulators and debuggers hook this
 * symbol: what runs between its entry and its return belongs to no layer. */
int ek_agent_pull(void *user, int row, int8_t *dst);

#endif
