/* edgekit.h: the ABI between generated models and whoever calls them. C11, freestanding, no globals.
 *
 * A model is called with a context that the caller owns. Several models live in one program, and one model may run in
 * several contexts. Nothing here allocates.
 */
#ifndef EDGEKIT_H
#define EDGEKIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EK_ABI_VERSION 3

/* The most memory regions that one model's buffers may be spread over. */
#define EK_MAX_REGIONS 4

/* The most dimensions of a model's input or output. */
#define EK_MAX_RANK 5

/* What <model>_invoke returns; a non-zero result of pull or push is returned as it is. */
#define EK_OK 0

/* pull writes row `row` of a streamed input, row_bytes of it, to dst. Rows are asked for in order, each of them once in
 * an inference. Non-zero ends the inference; the next one begins anew. push takes a row of a streamed output. */
typedef struct {
    void *region[EK_MAX_REGIONS]; /* each as large and as aligned as the model's header says */
    int (*pull)(void *user, int row, int8_t *dst);
    int (*push)(void *user, int row, const int8_t *src);
    void (*mark)(void *user, int layer); /* called at the begin of a layer; NULL when not profiling */
    void *user;
} ek_ctx_t;

typedef enum { EK_INT8 = 1, EK_INT16 = 2, EK_INT32 = 3, EK_FLOAT32 = 4 } ek_dtype_t;

/* One input or output of a model. */
typedef struct {
    const char *name;
    uint32_t bytes;
    uint8_t dtype;  /* ek_dtype_t */
    uint8_t region; /* index into ek_ctx_t.region */
    uint8_t rank;
    int32_t zero_point; /* real = scale * (stored - zero_point); scale 0 for float32 */
    float scale;
    uint32_t offset; /* bytes from the region's base; means nothing where row_bytes is not 0 */
    int32_t shape[EK_MAX_RANK];
    uint32_t row_bytes; /* 0 where all of it lies at `offset`; else it comes through pull, or leaves through push */
} ek_tensor_t;

/* A model described as data, for callers that serve any model. */
typedef struct {
    const char *name;
    uint16_t n_layers;
    uint8_t n_regions;
    uint8_t n_inputs;
    uint8_t n_outputs;
    const uint32_t *region_bytes; /* n_regions each */
    const uint32_t *region_align;
    const ek_tensor_t *inputs;
    const ek_tensor_t *outputs;
    int (*init)(const ek_ctx_t *ctx);
    int (*invoke)(const ek_ctx_t *ctx);
} ek_model_t;

#ifdef __cplusplus
}
#endif

#endif
