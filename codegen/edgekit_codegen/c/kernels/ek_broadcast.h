/* ek_broadcast.h: one row of a function of two int8 tensors, either of which may repeat pixels or channels. */
#ifndef EK_BROADCAST_H
#define EK_BROADCAST_H

#include "ek_types.h"

/* out = function(p, a, b) for pixels x0 .. x1-1 in ascending order, element by element: `out` may be an operand's row
 * that repeats nothing. A macro, so that the function is inlined whatever the compiler's options.
 *
 * Fields of *p, before those that the function reads:
 *   channels      of the output
 *   pixel_step    elements from one pixel to the next, per operand; 0 repeats the pixel
 *   channel_step  1, or 0 to repeat the channel
 *   run           1 where both operands go on from pixel to pixel as within one: then a row is one long pixel */
#define EK_BROADCAST(function, p, in, out, x0, x1)                                                                     \
    do {                                                                                                               \
        const int pixels = (p)->run ? 1 : (x1) - (x0);                                                                 \
        const int32_t span = (p)->run ? ((x1) - (x0)) * (p)->channels : (p)->channels;                                 \
        const int8_t *a = (in)[0] + (x0) * (p)->pixel_step[0];                                                         \
        const int8_t *b = (in)[1] + (x0) * (p)->pixel_step[1];                                                         \
        int8_t *to = (out) + (x0) * (p)->channels;                                                                     \
        for (int x = 0; x < pixels; ++x) {                                                                             \
            for (int32_t i = 0; i < span; ++i) {                                                                       \
                to[i] = function((p), a[i * (p)->channel_step[0]], b[i * (p)->channel_step[1]]);                       \
            }                                                                                                          \
            a += (p)->pixel_step[0];                                                                                   \
            b += (p)->pixel_step[1];                                                                                   \
            to += span;                                                                                                \
        }                                                                                                              \
    } while (0)

#endif
