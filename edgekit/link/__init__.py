"""The host's end of the link to a device: frames over a serial port, a pseudo-terminal, a socket or a process's stdio.

docs/protocol.md is the protocol's reference.
"""

from __future__ import annotations

from edgekit.link.fault import DeviceFaultError, Fault, describe
from edgekit.link.session import Session
from edgekit.link.transports import Stream, process_stream, serial_stream
from edgekit.link.types import DType, Hello, Inference, LayerRecord, MemoryMarks, TensorInfo

__all__ = [
    "DType",
    "DeviceFaultError",
    "Fault",
    "Hello",
    "Inference",
    "LayerRecord",
    "MemoryMarks",
    "Session",
    "Stream",
    "TensorInfo",
    "describe",
    "process_stream",
    "serial_stream",
]
