/* ek_window.h: which pixels of an output row a sliding window computes without touching the border. */
#ifndef EK_WINDOW_H
#define EK_WINDOW_H

#include "ek_requant.h"

/* A window along one row: tap k of output pixel x reads input pixel x * stride - pad + k * dilation. */
typedef struct {
    int32_t in_w;
    int32_t kernel;
    int32_t stride;
    int32_t dilation;
    int32_t pad;
} ek_window_t;

/* The first output pixel at or after 0 whose window does not begin before the row. */
static inline int ek_window_inner_first(const ek_window_t *win)
{
    return (win->pad + win->stride - 1) / win->stride;
}

/* One past the last output pixel whose window does not end behind the row; 0 where there is none. */
static inline int ek_window_inner_end(const ek_window_t *win)
{
    const int32_t room = win->in_w + win->pad - (win->kernel - 1) * win->dilation - 1;
    return room < 0 ? 0 : room / win->stride + 1;
}

/* The first tap of a window beginning at input pixel `x` that lies inside the row. */
static inline int ek_window_tap_first(const ek_window_t *win, int x)
{
    const int first = x < 0 ? (win->dilation - 1 - x) / win->dilation : 0;
    return first < win->kernel ? first : win->kernel;
}

/* One past the last such tap; never less than ek_window_tap_first. */
static inline int ek_window_tap_end(const ek_window_t *win, int x)
{
    const int first = ek_window_tap_first(win, x);
    const int end = x < win->in_w ? (win->in_w - x + win->dilation - 1) / win->dilation : 0;
    return ek_clamp(end, first, win->kernel);
}

#endif
