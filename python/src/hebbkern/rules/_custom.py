"""A rule of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

import numpy as np
import numpy.typing as npt

from .. import kernels
from .._array import FLOATS
from .._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DivergenceError,
    Interrupted,
)
from .._parameters import choice, count
from ._base import (
    MAX_BLOCK,
    REDUCTIONS,
    Normalize,
    Reduction,
    Rule,
    Sparse,
    check_normalize,
    samples,
    weights,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

_OVER_ROWS = ("g", "decay", "row_add")
_OVER_COLUMNS = ("x", "col_decay", "col_add")
_VECTORS = ("x", "g", "decay", "col_decay", "row_add", "col_add")
_NAMES = ("w", *("map",) * len(_VECTORS)), ("lr", "reduction", "normalize", "block")

Vectors = dict[str, npt.NDArray[Any]]


class Custom(Rule):
    """A rule given as a mapping of one sample to the vectors of the pattern that all rules are::

        w_ij ← w_ij (1 − decay_i − col_decay_j) + g_i x_j + row_add_i + col_add_j

    Other libraries: Brian2 and ANNarchy (Synapses.py) take the equations of a synapse as text, in units of time, and
    compile them; what here is one update is dw/dt there, and multiplied by dt.

    Parameters
    ----------
    map : function
        ``map(x, y, state)`` returns a dict with some of "g", "decay", "row_add" (arrays [out], or one number for all) and
        "x", "col_decay", "col_add" (arrays [in], or one number). What is absent is left out of the update; "x" is the
        sample's x where it is absent and "g" is there. x and y must not be written.
    lr : float or schedule
        η, for ``normalize="max"`` only: otherwise the rates are those of `map`, and a schedule is refused.
    state : object, optional
        What `map` gets as its third argument, a new dict by default. The mapping reads it as it was before the sample and
        brings it up to date itself, as all rules do after the sample. It is `rule.state`.
    vectorized : bool
        `map` works on samples in rows: x [samples, in] and y [samples, out], and returns arrays [samples, out] and
        [samples, in], or numbers. It is then called once

        - for the "sum" and "mean" of a batch, which is one matrix product;
        - for a sequence with y given, which runs as one call of the library then, sample after sample;
        - for each block of a sequence with y given and ``block=``, which is one matrix product, too. The result is
          that of one sample at a time but for rounding. It does not go with "col_decay", nor with "col_add" beside "decay".

        A sequence whose y is computed calls it sample by sample, with one row. It must not use state across samples:
        what it does with a row must not depend on the other rows.
    **composition
        As for the other rules (`Composition`); `row_lr` multiplies all that `map` gives, decays included.

    Notes
    -----
    Each update is a kernel. Where `map` is called for each sample, a call costs what its NumPy operations do, some
    microseconds; a rule in Go (``engine.Rule``) has none of that.

    Examples
    --------
    Oja's rule (Oja 1982), whose weights tend to the first principal component:

    >>> import numpy as np, hebbkern as hk
    >>> def oja(x, y, state):
    ...     return {"g": 0.1 * y, "decay": 0.1 * y * y}
    >>> rule, w = hk.rules.Custom(oja, vectorized=True), np.array([[0.6, 0.8]])
    >>> y = rule.update(w, [1.0, 0.0])
    >>> w
    array([[0.6384, 0.7712]])
    """

    state: Any
    vectorized: bool

    def __init__(
        self,
        map: Callable[[npt.NDArray[Any], npt.NDArray[Any], Any], Mapping[str, Any]],
        *,
        lr: float | Schedule = 1.0,
        state: Any = None,
        vectorized: bool = False,
        **composition: Unpack[Composition],
    ) -> None:
        super().__init__(lr, **composition)
        if not callable(map):
            raise ArgumentTypeError(f"Custom: map is {map!r}; a function of x, y and state is wanted", "map")
        if not isinstance(vectorized, (bool, np.bool_)):
            raise ArgumentTypeError(f"Custom: vectorized is {vectorized!r}; True or False is wanted", "vectorized")
        self.map = map
        self.state = {} if state is None else state
        self.vectorized = vectorized

    def update(
        self,
        w: Any,
        x: Any,
        y: Any = None,
        *,
        reduction: Reduction = "sequential",
        block: int | None = None,
        normalize: Normalize = None,
    ) -> npt.NDArray[Any]:
        """Learn from one sample or a batch: see the class for `block`, and the other rules.

        Raises
        ------
        TypeError, ValueError
            A bad argument, or vectors of the wrong kind, shape or number from `map`; of a sequence the samples before
            are in w then.
        DivergenceError
            y, a vector of `map` or the weights left the finite numbers. `done` samples are in w. Weights that overflow
            are found at the next y that is computed, or at the end of the call.
        """
        label = "Custom.update"
        how = choice(label, "reduction", reduction, REDUCTIONS)
        scaled = check_normalize(label, normalize)
        size = 0 if block is None else count(label, "block", block, most=MAX_BLOCK)
        if callable(self.lr) and not scaled:
            raise ArgumentValueError(f"{label}: lr is a schedule; without normalize the rates are those of map, and lr is not read", "lr")
        w, sparse = weights(w, x, label)
        compute = y is None
        x, out = samples(label, w, x, y, sparse)
        shape = w.shape if sparse is None else sparse.shape
        self._check(label, w, x, out, shape, compute)
        if size and (how or scaled or compute or not self.vectorized):
            raise ArgumentValueError(
                f"{label}: block is {size}; it goes with a sequence, y given, vectorized and without normalize", "block"
            )
        if compute and sparse is not None:
            raise ArgumentValueError(f"{label}: y is not given; for sparse weights it is the caller's to compute", "y")
        X, Y = np.atleast_2d(x), np.atleast_2d(out)
        n = len(X)

        def learn(first: int, last: int, answers: bool = False) -> None:
            if answers:
                self._answer(label, w, X[first:last], Y[first:last], first)
            self._apply(label, w, sparse, self._vectors(label, shape, w.dtype, X[first:last], Y[first:last], first), first, how, scaled, size)

        if n == 0:
            return out
        if how or not compute and self.vectorized and not size:
            learn(0, n, compute)
        else:
            step = size or 1
            for at in range(0, n, step):
                learn(at, min(at + step, n), compute)
        return out

    def _check(self, label: str, w: Any, x: Any, y: Any, shape: tuple[int, ...], compute: bool) -> None:
        """Refuses what the library would refuse after the first sample."""
        for name, array in (("w", w), ("x", x), ("y", y)):
            if array.dtype not in FLOATS or array.dtype != w.dtype:
                wanted = "float32 or float64" if name == "w" else f"{w.dtype}, as w is,"
                raise ArgumentTypeError(f"{label}: {name} is {array.dtype}; {wanted} is wanted", name)
        if len(shape) != 2 or not w.flags.writeable:
            raise ArgumentValueError(f"{label}: w has shape {shape}; a writable array (out, in) is wanted", "w")
        for name, array, length in (("x", x, shape[1]), ("y", y, shape[0])):
            sizes = (*x.shape[:-1], length) if x.ndim else (length,)
            if x.ndim not in (1, 2) or array.shape != sizes:
                raise ArgumentValueError(f"{label}: {name} has shape {array.shape}; ({length},) or (samples, {length}) is wanted", name)
            if np.shares_memory(w, array):
                raise ArgumentValueError(f"{label}: {name} shares elements with w; pass {name}.copy()", name)

    def _answer(self, label: str, w: Any, X: Any, Y: Any, first: int) -> None:
        """Y = X Wᵀ."""
        kernels.forward(w, X, out=Y)
        fine = np.isfinite(Y).all(1)
        if not fine.all():
            at = int(np.argmin(fine))
            bad = "x" if not np.isfinite(X[at]).all() else "the weights" if not np.isfinite(w).all() else "y"
            at += first - 1 if bad == "the weights" and first else first
            raise DivergenceError(f"{label}: {bad} not finite at sample {at}", sample=at, done=first)

    def _apply(self, label: str, w: Any, sparse: Sparse | None, v: Vectors, first: int, how: int, scaled: int, size: int) -> None:
        """The updates by vectors that samples from `first` on have given."""
        after: Any = None
        if size:
            if "col_decay" in v or ("col_add" in v and "decay" in v):
                raise ArgumentValueError(
                    f"{label}: block is given; it goes neither with col_decay nor with col_add beside decay", "block"
                )
            after = v.pop("col_add", None)  # without a decay its sum
        arrays = (w, *(v.get(name) for name in _VECTORS))
        try:
            self._learn("given", label, arrays, (), (how, scaled, size), sparse, lambda: _NAMES, (), {}, how == 0)
        except (DivergenceError, Interrupted) as error:
            error.done = first + (error.done or 0)
            if isinstance(error, DivergenceError) and error.sample is not None and first:
                at = error.sample + first
                text = str(error).replace(f"sample {error.sample}", f"sample {at}")
                raise DivergenceError(text, sample=at, done=error.done) from None
            raise
        if after is not None:
            kernels.rank1(w, 1.0 if self.row_lr is None else np.asarray(self.row_lr, w.dtype), after.sum(0))

    def _vectors(self, label: str, shape: tuple[int, ...], dtype: Any, X: Any, Y: Any, first: int) -> Vectors:
        """What the mapping makes of the samples, each vector [samples, ...]."""
        n = len(X)
        if self.vectorized:
            found = [self.map(X, Y, self.state)]
        else:
            found = [self.map(x, y, self.state) for x, y in zip(X, Y)]
        v: Vectors = {}
        for given in found:
            if not isinstance(given, Mapping) or (v and set(given) != set(found[0])):
                raise ArgumentTypeError(f"{label}: map returns {given!r}; a dict with the same vectors for each sample is wanted", "map")
        for name in found[0]:
            if name not in _OVER_ROWS + _OVER_COLUMNS:
                raise ArgumentValueError(
                    f"{label}: map returns {name!r}; {', '.join(_OVER_ROWS + _OVER_COLUMNS)} are the vectors", "map"
                )
            rows = np.empty((n, shape[0] if name in _OVER_ROWS else shape[1]), dtype)
            try:
                if self.vectorized:
                    rows[:] = found[0][name]
                else:
                    for b, given in enumerate(found):
                        rows[b] = given[name]
            except (TypeError, ValueError):
                raise ArgumentValueError(
                    f"{label}: map returns a {name} that is not of length {rows.shape[1]}, or one number", "map"
                ) from None
            fine = np.isfinite(rows).all(1)
            if not fine.all():
                at = first + int(np.argmin(fine))
                raise DivergenceError(f"{label}: {name} not finite at sample {at}", sample=at, done=first)
            v[name] = rows
        if "x" in v and "g" not in v:
            raise ArgumentValueError(f"{label}: map returns x without g", "map")
        if "g" not in v:
            v["g"] = np.zeros((n, shape[0]), dtype)
        if "x" not in v:
            v["x"] = np.ascontiguousarray(X)
        return v
