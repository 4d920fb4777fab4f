/* lookup.h: one row of an int8 tensor through a table of all its values. */
#ifndef EK_LOOKUP_H
#define EK_LOOKUP_H

#include "ek_types.h"

typedef struct {
    int32_t channels;
} ek_lookup_t;

/* w: 256 bytes, the results of -128 .. 127. Pixels x0 .. x1-1 in ascending order, element by element: `out` may be the
 * input row. */
EK_KERNEL void ek_lookup_row(const ek_lookup_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                             const ek_requant_t *q, void *scratch)
{
    const int8_t *const of_zero = (const int8_t *)w + 128;
    const int8_t *const row = in[0];
    (void)q;
    (void)scratch;
    for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
        out[i] = of_zero[row[i]];
    }
}

#endif
