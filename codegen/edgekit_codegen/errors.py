"""What the compiler refuses, and why. Nothing in this package prints or exits."""

from __future__ import annotations


class CodegenError(Exception):
    """Base of every error the compiler raises on purpose.

    code    a stable, dotted identifier that scripts can match
    message what is wrong and where
    hint    what the user can do about it; may be empty
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class IllegalGraph(CodegenError):  # noqa: N818  (a state, not a failure of ours to name)
    """The graph breaks a rule of the IR or of an operator's record."""


class UnsupportedModel(CodegenError):  # noqa: N818
    """The graph is legal but uses something no kernel here computes exactly."""


class DoesNotFit(CodegenError):  # noqa: N818
    """The plan needs more memory than the target's regions offer.

    needed  bytes of the smallest plan in one piece of memory; None where that is not known
    """

    def __init__(self, code: str, message: str, hint: str = "", needed: int | None = None) -> None:
        super().__init__(code, message, hint)
        self.needed = needed


class InvalidPlan(CodegenError):  # noqa: N818
    """The validator replayed a plan and saw a byte read that was not the one written."""
