"""One inference on a device: connect, infer, compare with the reference, and report per layer."""

from .connect import Connection, connect
from .measure import Measured, measure

__all__ = ["Connection", "Measured", "connect", "measure"]
