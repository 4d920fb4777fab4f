"""The optional packages that the emulator is made of."""

from __future__ import annotations

from ..errors import ToolchainError


def require() -> None:
    """ToolchainError with the command that installs them, where unicorn or capstone is missing or does not load."""
    for package in ("unicorn", "capstone"):
        try:
            __import__(package)
        except ImportError as error:
            raise ToolchainError(
                "emulator.missing",
                f"the emulated board needs the package {package}: {error}",
                "pip install 'edgekit[emulator]'",
            ) from error
