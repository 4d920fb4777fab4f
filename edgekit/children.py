"""Child processes: how they are ended, and how an end is told."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import IO, Any


def close(process: subprocess.Popen[Any], seconds: float) -> None:
    """Close a child's stdin, give it some time to leave by itself, and kill it where it does not."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(seconds)
    except BaseException as error:
        process.kill()
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise


def end_group(process: subprocess.Popen[Any], seconds: float) -> None:
    """End a child that leads a session of its own, and what it started: ask, wait, kill.

    The child gets some time, so that it can leave what it drives in order; the rest is killed with its end.
    """
    try:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    finally:
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _signal_group(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)


def how_it_ended(code: int | None) -> str:
    """In words: an exit code as Popen has it, None for a child that still runs."""
    if code is None:
        return "closed its output"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"died of signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"died of signal {-code}"


def said(stream: IO[bytes], limit: int) -> str:
    """The end of what a child wrote to a file, at most `limit` bytes, whatever its encoding."""
    stream.seek(0, os.SEEK_END)
    stream.seek(max(0, stream.tell() - limit))
    return stream.read().decode("utf-8", "replace")
