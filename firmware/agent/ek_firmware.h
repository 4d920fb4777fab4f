/* ek_firmware.h: the firmware image as data. The build writes one file that defines `ek_firmware`; the agent and the
 * port serve whatever it describes. */
#ifndef EK_FIRMWARE_H
#define EK_FIRMWARE_H

#include "edgekit.h"

#define EK_BUILD_ID_BYTES 8

typedef struct {
    const ek_model_t *model;
    void *region[EK_MAX_REGIONS];       /* the arena's base in each of the model's regions */
    uint32_t *layer_ticks;              /* the agent's: a counter per layer of the model, model->n_layers of them */
    int (*pull)(void *, int, int8_t *); /* ek_agent_pull where an input of the model is streamed, else NULL */
    int (*push)(void *, int, const int8_t *); /* ek_agent_push where an output is, else NULL */
    const char *board;                        /* canonical board name */
    uint8_t build_id[EK_BUILD_ID_BYTES];      /* digest of everything that went into the image */
} ek_firmware_t;

extern const ek_firmware_t ek_firmware;

#endif
