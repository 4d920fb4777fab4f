/* maximum.h: one row of the larger, or the smaller, elements of two int8 tensors. */
#ifndef EK_MAXIMUM_H
#define EK_MAXIMUM_H

#include "ek_broadcast.h"

typedef struct {
    int32_t channels; /* from here: ek_broadcast.h */
    int32_t pixel_step[2];
    int32_t channel_step[2];
    int32_t run;
    int32_t flip; /* 0 for the larger; -1, which turns the order of values around, for the smaller */
} ek_maximum_t;

static inline int8_t ek_maximum_one(const ek_maximum_t *p, int32_t a, int32_t b)
{
    return (int8_t)((a ^ p->flip) > (b ^ p->flip) ? a : b);
}

EK_KERNEL void ek_maximum_row(const ek_maximum_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                              const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    EK_BROADCAST(ek_maximum_one, p, in, out, x0, x1);
}

#endif
