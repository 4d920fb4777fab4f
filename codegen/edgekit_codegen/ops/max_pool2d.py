"""MAX_POOL_2D: the largest element of a window, of those inside the image."""

from __future__ import annotations

from . import pooling
from .attributes import Pool2D
from .record import Kernel, OpRecord

RECORD = OpRecord(
    kind="max_pool2d",
    attrs=Pool2D,
    activations=1,
    infer=pooling.infer,
    check=pooling.check,
    access=pooling.access,
    input_boxes=pooling.input_boxes,
    describe=pooling.describe,
    kernel=Kernel("max_pool2d.h", "ek_max_pool2d_row", "ek_max_pool2d_t", pooling.params),
)
