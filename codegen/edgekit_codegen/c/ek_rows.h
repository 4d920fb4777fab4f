/* ek_rows.h: how generated layers find their rows. Included by generated code only; C11, freestanding.
 *
 * A map says where the rows of one tensor lie. Maps are constants, so that a compiler folds them into addresses.
 */
#ifndef EK_ROWS_H
#define EK_ROWS_H

#include "edgekit.h"

/* A layer is a function of its own: it has a name in a fault report, and its stack is not added to its neighbours'. */
#if defined(__GNUC__) || defined(__clang__)
#define EK_LAYER __attribute__((noinline))
#else
#define EK_LAYER
#endif

/* The last statement of a layer, without any code. GCC 12 loses track of where some loops store single bytes: it takes
 * a layer without other stores for one without effects, and leaves out its call. */
static inline void ek_layer_end(void)
{
#if defined(__GNUC__) || defined(__clang__)
    __asm__ volatile("" ::: "memory");
#endif
}

typedef struct {
    uint8_t region;
    uint32_t offset;      /* bytes from the region's base to row 0 */
    int32_t pitch;        /* bytes from one row to the next */
    int32_t rows;         /* of the tensor */
    int32_t slots;        /* rows held at a time, row y in slot y % slots; 0 where every row has a place of its own */
    const uint32_t *slot; /* bytes from the region's base to each slot; NULL where they lie `pitch` apart */
} ek_map_t;

/* The bytes at an offset of a region. */
static inline void *ek_at(const ek_ctx_t *ctx, int region, uint32_t offset)
{
    return (uint8_t *)ctx->region[region] + offset;
}

/* Row y, which must exist, to be written. */
static inline int8_t *ek_row_mut(const ek_ctx_t *ctx, const ek_map_t *map, int y)
{
    const int slot = map->slots != 0 ? y % map->slots : y;
    const uint32_t offset = map->slot != NULL ? map->slot[slot] : map->offset + (uint32_t)(slot * map->pitch);
    return (int8_t *)ek_at(ctx, map->region, offset);
}

/* Row y, which must exist, to be read. */
static inline const int8_t *ek_row(const ek_ctx_t *ctx, const ek_map_t *map, int y)
{
    return ek_row_mut(ctx, map, y);
}

/* in[k] = row first + k * dilation, NULL where that lies outside the tensor: true padding. */
static inline void ek_rows(const ek_ctx_t *ctx, const ek_map_t *map, const int8_t *in[], int n, int first, int dilation)
{
    for (int k = 0; k < n; ++k) {
        const int y = first + k * dilation;
        in[k] = y >= 0 && y < map->rows ? ek_row(ctx, map, y) : NULL;
    }
}

/* As ek_rows for a tile, whose rows begin `moved` bytes behind pixel 0 of the tensor's: in[k] points to where that
 * would lie, which may be outside the region, and only pixels of the tile may be read from there. */
static inline void ek_rows_of_tile(const ek_ctx_t *ctx, const ek_map_t *map, const int8_t *in[], int n, int first,
                                   int dilation, int moved)
{
    ek_rows(ctx, map, in, n, first, dilation);
    for (int k = 0; k < n; ++k) {
        in[k] = in[k] != NULL ? in[k] - moved : NULL;
    }
}

/* The newest rows of a tensor, `n` from row `first` on, which are not in their slots yet: they lie `pitch` bytes apart
 * where they were computed. first: -n or less where every row is in its slot. row: where pixel 0 of row `first` would
 * lie; of a tile that has some pixels only, this may be outside the region. */
typedef struct {
    int8_t *row;
    int first;
    int n;
    int pitch;
} ek_fresh_t;

/* One of the newest rows, to be written. */
static inline int8_t *ek_fresh_row(ek_fresh_t fresh, int y)
{
    return fresh.row + (y - fresh.first) * fresh.pitch;
}

/* Row y, which must exist, to be read: from its slot or where it is fresh. */
static inline const int8_t *ek_row_or_fresh(const ek_ctx_t *ctx, const ek_map_t *map, int y, ek_fresh_t fresh)
{
    const unsigned behind = (unsigned)y - (unsigned)fresh.first; /* before `first` it wraps to more than n */
    return behind < (unsigned)fresh.n ? ek_fresh_row(fresh, y) : ek_row(ctx, map, y);
}

/* As ek_rows, some of the rows being fresh. */
static inline void ek_rows_and_fresh(const ek_ctx_t *ctx, const ek_map_t *map, const int8_t *in[], int n, int first,
                                     int dilation, ek_fresh_t fresh)
{
    for (int k = 0; k < n; ++k) {
        const int y = first + k * dilation;
        in[k] = y >= 0 && y < map->rows ? ek_row_or_fresh(ctx, map, y, fresh) : NULL;
    }
}

/* Move rows y .. y+n-1, as far as there are so many, from where they were computed to their slots. */
static inline void ek_keep_rows(const ek_ctx_t *ctx, const ek_map_t *map, int y, int n, const void *fresh)
{
    for (int i = 0; i < n && y + i < map->rows; ++i) {
        const int8_t *row = (const int8_t *)fresh + i * map->pitch;
        __builtin_memcpy(ek_row_mut(ctx, map, y + i), row, (size_t)map->pitch); /* freestanding */
    }
}

/* In each row of a tile, move the `kept` bytes behind the first `step` ones, which the next tile reads too, to the
 * row's begin. */
static inline void ek_slide(int8_t *row, int rows, int pitch, size_t kept, size_t step)
{
    for (int y = 0; y < rows; ++y, row += pitch) {
        __builtin_memmove(row, row + step, kept); /* freestanding */
    }
}

/* Move bytes begin .. end-1 of rows y .. y+n-1, as far as these exist, from a tile to their slots. */
static inline void ek_keep(const ek_ctx_t *ctx, const ek_map_t *map, int y, int n, ek_fresh_t tile, int begin, int end)
{
    for (const int last = y + n < map->rows ? y + n : map->rows; y < last; ++y) {
        if (y >= 0) {
            int8_t *line = ek_row_mut(ctx, map, y);
            __builtin_memcpy(line + begin, ek_fresh_row(tile, y) + begin, (size_t)(end - begin)); /* freestanding */
        }
    }
}

/* As ek_rows for one image of several: `rows` rows from row `top` of the tensor, counted within the image. */
static inline void ek_rows_of(const ek_ctx_t *ctx, const ek_map_t *map, const int8_t *in[], int top, int rows, int n,
                              int first, int dilation)
{
    for (int k = 0; k < n; ++k) {
        const int y = first + k * dilation;
        in[k] = y >= 0 && y < rows ? ek_row(ctx, map, top + y) : NULL;
    }
}

/* A row or pixel number clipped to 0 .. end. */
static inline int ek_clip(int value, int end)
{
    return value < 0 ? 0 : value > end ? end : value;
}

/* The row that is due in iteration i of a loop, where `n` rows are due in the iterations first, first + period, ...; -1
 * where none is. */
static inline int ek_due(int i, int first, int period, int n)
{
    const unsigned since = (unsigned)i - (unsigned)first; /* before `first` it wraps to more than n periods */
    return since % (unsigned)period == 0 && since / (unsigned)period < (unsigned)n ? (int)(since / (unsigned)period)
                                                                                   : -1;
}

static inline void ek_mark(const ek_ctx_t *ctx, int layer)
{
    if (ctx->mark != NULL) {
        ctx->mark(ctx->user, layer);
    }
}

/* EK_OK, or -1 where a region is missing or its base is not aligned. */
static inline int ek_check_regions(const ek_ctx_t *ctx, const uint32_t *align, int n)
{
    for (int i = 0; i < n; ++i) {
        if (ctx->region[i] == NULL || (uintptr_t)ctx->region[i] % align[i] != 0) {
            return -1;
        }
    }
    return EK_OK;
}

#endif
