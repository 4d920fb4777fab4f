"""Firmware from C: find a toolchain, compile, link, measure."""

from .artifact import Artifact, MemoryUse
from .firmware import build_firmware
from .host import build_host

__all__ = ["Artifact", "MemoryUse", "build_firmware", "build_host"]
