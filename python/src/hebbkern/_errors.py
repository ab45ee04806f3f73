"""The errors of hebbkern. Each is ours and also of the built-in kind that fits its cause."""

from __future__ import annotations


class HebbkernError(Exception):
    """Base of all errors that hebbkern raises on purpose.

    Attributes
    ----------
    argument : str or None
        The name of the argument at fault.
    """

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class ArgumentValueError(HebbkernError, ValueError):
    """An argument has a wrong shape, layout or value. Nothing was written."""


class ArgumentTypeError(HebbkernError, TypeError):
    """An argument has a wrong type or element type. Nothing was written."""


class CheckpointError(HebbkernError, ValueError):
    """A file is cut short, altered, of a later version, or holds something else than what is to be loaded. What was to
    be loaded is as it was."""


class DivergenceError(HebbkernError, ArithmeticError):
    """Learning left the finite numbers.

    Attributes
    ----------
    sample, epoch, layer : int or None
        Where it happened, as far as it applies.
    done : int or None
        The number of samples whose updates the weights hold.
    """

    def __init__(
        self,
        message: str,
        *,
        sample: int | None = None,
        epoch: int | None = None,
        layer: int | None = None,
        done: int | None = None,
    ) -> None:
        super().__init__(message)
        self.sample = sample
        self.epoch = epoch
        self.layer = layer
        self.done = done


class Interrupted(KeyboardInterrupt):
    """Ctrl-C has stopped learning between two samples (or epochs); the state is that after `done` of them.

    Attributes
    ----------
    done : int
        The samples whose updates the weights hold.
    """

    def __init__(self, message: str, done: int) -> None:
        super().__init__(message)
        self.done = done


class InternalError(HebbkernError, RuntimeError):
    """A defect of hebbkern. Arrays that the call writes may be half written."""


class StaleLibraryWarning(UserWarning):
    """The library was built from other sources than those that lie beside it."""
