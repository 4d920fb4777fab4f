"""Errors that users see: a stable code, what went wrong and where, a hint, and the exit code that goes with it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line; the one place they are listed."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    MODEL = 4
    FIT = 5
    TOOLCHAIN = 6
    DEVICE = 7
    FLASH = 8
    LINK = 9
    MISMATCH = 10
    INTERRUPTED = 130


EXIT_MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.BUG: "a bug in edgekit",
    Exit.USAGE: "the command line or the place it was called from",
    Exit.CONFIG: "a configuration or board file",
    Exit.MODEL: "the model is broken or uses something unsupported",
    Exit.FIT: "the model does not fit the board",
    Exit.TOOLCHAIN: "no usable toolchain, or the compiler failed",
    Exit.DEVICE: "no device, or several to choose from",
    Exit.FLASH: "programming or verifying the flash failed",
    Exit.LINK: "the link to the device failed, or the device reported a fault",
    Exit.MISMATCH: "the device's output differs from the reference",
    Exit.INTERRUPTED: "interrupted",
}


class EdgekitError(Exception):
    """Base of every error that edgekit raises on purpose.

    code     a stable, dotted identifier that scripts can match, as "board.unknown"
    message  what is wrong, and where
    hint     what the user can do about it; may be empty
    exit     the command line's exit code
    """

    exit: Exit = Exit.BUG

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class UsageError(EdgekitError):
    exit = Exit.USAGE


class ConfigError(EdgekitError):
    exit = Exit.CONFIG


class ModelError(EdgekitError):
    exit = Exit.MODEL


class FitError(EdgekitError):
    exit = Exit.FIT


class ToolchainError(EdgekitError):
    exit = Exit.TOOLCHAIN


class DeviceError(EdgekitError):
    exit = Exit.DEVICE


class FlashError(EdgekitError):
    exit = Exit.FLASH


class LinkError(EdgekitError):
    exit = Exit.LINK


class MismatchError(EdgekitError):
    exit = Exit.MISMATCH
