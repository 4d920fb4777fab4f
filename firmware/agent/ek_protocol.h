/* ek_protocol.h: the wire protocol's numbers. The reference is docs/protocol.md; the host's copy is
 * edgekit/link/protocol.py, and a test compares the two. */
#ifndef EK_PROTOCOL_H
#define EK_PROTOCOL_H

/* Raised whenever a frame's meaning changes; the host refuses any other. */
#define EK_PROTOCOL_VERSION 4

/* Bytes of a frame before its payload and after it. */
#define EK_FRAME_HEADER 8
#define EK_FRAME_CRC 4

/* Set in the kind of every frame that the device sends. */
#define EK_REPLY 0x80

/* The sequence number of frames that answer no command. */
#define EK_SEQ_UNSOLICITED 0xFFFF

/* Every device takes at least this payload; the HELLO reply needs it. */
#define EK_MIN_MAX_PAYLOAD 128

/* A name's most bytes in HELLO and TENSOR replies; longer ones are cut. */
#define EK_NAME_BYTES 47

/* FAULT's "no layer in progress". */
#define EK_NO_LAYER 0xFFFF

/* What arenas and stacks are painted with. */
#define EK_PAINT 0xEC

typedef enum {
    EK_KIND_HELLO = 0x01,  /* open a session */
    EK_KIND_TENSOR = 0x02, /* describe one input or output */
    EK_KIND_BEGIN = 0x03,  /* paint the arena, initialise the model */
    EK_KIND_WRITE = 0x04,  /* part of an input */
    EK_KIND_INFER = 0x05,  /* check the inputs' CRC, run the model */
    EK_KIND_LAYERS = 0x06, /* the ticks of some layers */
    EK_KIND_READ = 0x07,   /* part of an output */
    EK_KIND_MEM = 0x08,    /* high-water marks of stack and arena */
    EK_KIND_RESET = 0x09,  /* restart the firmware */
    EK_KIND_FAULT = 0x0A,  /* only from the device: the processor faulted */
    EK_KIND_ROW = 0x0B,    /* part of a row of a streamed input, during an inference */
    EK_KIND_TAKE = 0x0C,   /* part of a row of a streamed output, during an inference; or that the host has all of it */
} ek_kind_t;

typedef enum {
    EK_STATUS_OK = 0,
    EK_STATUS_ACCEPTED = 1,   /* the model computes; a reply follows under the same sequence number */
    EK_STATUS_UNKNOWN = 2,    /* no such command */
    EK_STATUS_ARGUMENT = 3,   /* an index, offset or length outside what the device has */
    EK_STATUS_STATE = 4,      /* INFER or WRITE before BEGIN, READ or LAYERS before INFER, ROW or TAKE outside INFER */
    EK_STATUS_INPUT = 5,      /* the inputs' CRC is not what INFER says */
    EK_STATUS_MODEL = 6,      /* the model's init or invoke returned an error */
    EK_STATUS_NO_SESSION = 7, /* not the nonce of the session: the device restarted, or another host took over */
    EK_STATUS_ROW = 8,  /* to INFER, ROW and TAKE: the model waits for the rest of a row, which the payload names */
    EK_STATUS_TAKE = 9, /* to INFER, ROW and TAKE: the model waits until its row, which the payload names, is taken */
} ek_status_t;

#endif
