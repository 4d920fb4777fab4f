/* ek_add_pixels.h: sums of the pixels of one row, for reductions that take their input row by row. */
#ifndef EK_ADD_PIXELS_H
#define EK_ADD_PIXELS_H

#include <stdbool.h>
#include <stdint.h>

/* sum[c] += channel c of pixels x0 .. x1-1. clear: the sums begin with this row. */
static inline void ek_add_pixels(const int8_t *row, int x0, int x1, int channels, bool clear, int32_t sum[])
{
    for (int c = 0; c < channels; ++c) {
        int32_t total = clear ? 0 : sum[c];
        for (int x = x0; x < x1; ++x) {
            total += row[x * channels + c];
        }
        sum[c] = total;
    }
}

#endif
