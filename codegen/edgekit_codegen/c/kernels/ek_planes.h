/* ek_planes.h: some channels of every pixel, copied from pixels of some size to pixels of another. */
#ifndef EK_PLANES_H
#define EK_PLANES_H

#include "ek_types.h"

/* `channels` bytes of each of `pixels` pixels, which lie `from_pitch` bytes apart and will lie `to_pitch` apart. What
 * may be copied in words is, as tensors and scratch begin with one: both must be aligned like their pitches. */
EK_SHARED void ek_planes_copy(int8_t *to, int to_pitch, const int8_t *from, int from_pitch, int channels, int pixels)
{
#if defined(__GNUC__) || defined(__clang__)
    if ((channels | from_pitch | to_pitch) % 4 == 0) {
        for (int i = 0; i < pixels; ++i, to += to_pitch, from += from_pitch) {
            for (int c = 0; c < channels; c += 4) {
                __builtin_memcpy(__builtin_assume_aligned(to + c, 4), __builtin_assume_aligned(from + c, 4), 4);
            }
        }
        return;
    }
#endif
    for (int i = 0; i < pixels; ++i, to += to_pitch, from += from_pitch) {
        for (int c = 0; c < channels; ++c) {
            to[c] = from[c];
        }
    }
}

#endif
