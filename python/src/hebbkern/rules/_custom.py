"""A rule of the user's own."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np
import numpy.typing as npt

from .. import kernels
from .._array import FLOATS, as_array
from .._errors import ArgumentTypeError, ArgumentValueError, DivergenceError
from .._parameters import choice, count, real
from ._base import (
    MAX_BLOCK,
    REDUCTIONS,
    Normalize,
    Reduction,
    Rule,
    check_normalize,
    samples,
)

_OVER_ROWS = ("g", "decay", "row_add")
_OVER_COLUMNS = ("x", "col_decay", "col_add")
_ZERO = 1e-30

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
    lr : float
        η, for ``normalize="max"`` only.
    state : object, optional
        What `map` gets as its third argument, a new dict by default. The mapping reads it as it was before the sample and
        brings it up to date itself, as all rules do after the sample. It is `rule.state`.
    vectorized : bool
        `map` works on samples in rows: x [samples, in] and y [samples, out], and returns arrays [samples, out] and
        [samples, in], or numbers. It is then called once

        - for the "sum" and "mean" of a batch, which is one matrix product;
        - for a sequence with y given, whose samples then take one update each, with no Python but the loop over them;
        - for each block of a sequence with y given and ``block=``, which is one matrix product, too. The result is
          that of one sample at a time but for rounding. It does not go with "col_decay", nor with "col_add" beside "decay".

        A sequence whose y is computed calls it sample by sample, with one row. It must not use state across samples:
        what it does with a row must not depend on the other rows.

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
        lr: float = 1.0,
        state: Any = None,
        vectorized: bool = False,
    ) -> None:
        super().__init__(real("Custom", "lr", lr))
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
        if self._any or callable(self.lr):
            raise ArgumentValueError(
                f"{label}: {', '.join(self._described()) or 'a schedule as lr'} does not go with a rule given as a mapping",
                next(iter(self._described()), "lr"),
            )
        how = choice(label, "reduction", reduction, REDUCTIONS)
        scaled = check_normalize(label, normalize)
        size = 0 if block is None else count(label, "block", block, most=MAX_BLOCK)
        w = as_array(w, "w", label, written=True)
        compute = y is None
        x, out = samples(label, w, x, y)
        self._check(label, w, x, out, compute)
        if size and (how or scaled or compute or not self.vectorized):
            raise ArgumentValueError(
                f"{label}: block is {size}; it goes with a sequence, y given, vectorized and without normalize", "block"
            )
        X, Y = np.atleast_2d(x), np.atleast_2d(out)
        if len(X) == 0:
            return out
        if how:
            self._batch(label, w, X, Y, compute, how, scaled)
        elif size:
            for at in range(0, len(X), size):
                part = slice(at, at + size)
                self._block(label, w, self._vectors(label, w, X[part], Y[part], at), X[part], at)
        else:
            self._sequence(label, w, X, Y, compute, scaled)
        if not np.isfinite(w).all():
            raise DivergenceError(f"{label}: the weights not finite after sample {len(X) - 1}", sample=len(X) - 1, done=len(X))
        return out

    def _check(self, label: str, w: Any, x: Any, y: Any, compute: bool) -> None:
        """Refuses what the kernels would refuse after the first sample."""
        for name, array in (("w", w), ("x", x), ("y", y)):
            if array.dtype not in FLOATS or array.dtype != w.dtype:
                wanted = "float32 or float64" if name == "w" else f"{w.dtype}, as w is,"
                raise ArgumentTypeError(f"{label}: {name} is {array.dtype}; {wanted} is wanted", name)
        if w.ndim != 2 or not w.flags.writeable:
            raise ArgumentValueError(f"{label}: w has shape {w.shape}; a writable array (out, in) is wanted", "w")
        for name, array, length in (("x", x, w.shape[1]), ("y", y, w.shape[0])):
            shape = (*x.shape[:-1], length) if x.ndim else (length,)
            if x.ndim not in (1, 2) or array.shape != shape:
                raise ArgumentValueError(f"{label}: {name} has shape {array.shape}; ({length},) or (samples, {length}) is wanted", name)
            if np.shares_memory(w, array):
                raise ArgumentValueError(f"{label}: {name} shares elements with w; pass {name}.copy()", name)

    def _sequence(self, label: str, w: Any, X: Any, Y: Any, compute: bool, scaled: int) -> None:
        at_once = self._vectors(label, w, X, Y, 0) if self.vectorized and not compute else None
        for b, x in enumerate(X):
            y = Y[b]
            if compute:
                kernels.forward(w, x, out=y)
                if not np.isfinite(y).all():
                    bad = "x" if not np.isfinite(x).all() else "the weights" if not np.isfinite(w).all() else "y"
                    at = b - 1 if bad == "the weights" and b else b
                    raise DivergenceError(f"{label}: {bad} not finite at sample {at}", sample=at, done=b)
            if at_once is not None:
                v = {name: rows[b] for name, rows in at_once.items()}
            else:
                rows = slice(b, b + 1)
                v = {name: r[0] for name, r in self._vectors(label, w, X[rows], Y[rows], b).items()}
            if scaled:
                self._scaled(label, w, _apply(np.zeros_like(w), v, w), b)
            else:
                _rank1(w, v)

    def _batch(self, label: str, w: Any, X: Any, Y: Any, compute: bool, how: int, scaled: int) -> None:
        if compute:
            kernels.forward(w, X, out=Y)
        bad = ~np.isfinite(Y).all(1)
        if bad.any():
            at = int(bad.argmax())
            raise DivergenceError(f"{label}: y not finite at sample {at}", sample=at, done=0)
        v = self._vectors(label, w, X, Y, 0)
        part = w.dtype.type(1 / len(X) if how == 2 else 1)
        total = {name: (rows.sum(0, dtype=np.float64) * part).astype(w.dtype) for name, rows in v.items() if name not in ("g", "x")}
        change = np.zeros_like(w) if scaled else w
        if scaled:
            _apply(change, {name: rows for name, rows in total.items() if "decay" in name}, w)
        terms: dict[str, Any] = {name: rows for name, rows in total.items() if not (scaled and "decay" in name)}
        if "g" in v:
            kernels.batch_update(change, v["g"] * part, v["x"], **terms)
        elif terms:
            _rank1(change, terms)
        if scaled:
            self._scaled(label, w, change, len(X) - 1)

    def _block(self, label: str, w: Any, v: Vectors, X: Any, at: int) -> None:
        """W ← diag(p) W + Cᵀ R + a 1ᵀ, the products of the decays of later samples in C and a."""
        if "col_decay" in v or ("col_add" in v and "decay" in v):
            raise ArgumentValueError(
                f"{label}: block is given; it goes neither with col_decay nor with col_add beside decay", "block"
            )
        keep = 1 - v["decay"] if "decay" in v else np.ones((len(X), len(w)), w.dtype)
        later = np.ones_like(keep)
        later[:-1] = np.cumprod(keep[:0:-1], axis=0)[::-1]
        product = keep[0] * later[0]
        if "decay" in v:
            kernels.scale(w, rows=product)
        if "g" in v:
            kernels.batch_update(w, v["g"] * later, v["x"])
        if "row_add" in v:
            _rank1(w, {"row_add": (v["row_add"] * later).sum(0)})
        if "col_add" in v:
            _rank1(w, {"col_add": v["col_add"].sum(0)})
        if not np.isfinite(w).all():
            last = at + len(X) - 1
            raise DivergenceError(f"{label}: the weights not finite after sample {last}", sample=last, done=last + 1)

    def _scaled(self, label: str, w: Any, change: Any, sample: int) -> None:
        largest = np.abs(change).max(initial=0)
        if not np.isfinite(largest):
            raise DivergenceError(f"{label}: the update not finite at sample {sample}", sample=sample, done=sample)
        w += (change / max(largest, w.dtype.type(_ZERO))) * w.dtype.type(self.lr)

    def _vectors(self, label: str, w: Any, X: Any, Y: Any, first: int) -> Vectors:
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
            length = w.shape[0] if name in _OVER_ROWS else w.shape[1]
            rows = np.empty((n, length), w.dtype)
            try:
                if self.vectorized:
                    rows[:] = found[0][name]
                else:
                    for b, given in enumerate(found):
                        rows[b] = given[name]
            except (TypeError, ValueError):
                raise ArgumentValueError(
                    f"{label}: map returns a {name} that is not of length {length}, or one number", "map"
                ) from None
            fine = np.isfinite(rows).all(1)
            if not fine.all():
                at = first + int(np.argmin(fine))
                raise DivergenceError(f"{label}: {name} not finite at sample {at}", sample=at, done=first)
            v[name] = rows
        if "x" in v and "g" not in v:
            raise ArgumentValueError(f"{label}: map returns x without g", "map")
        if "g" in v and "x" not in v:
            v["x"] = np.ascontiguousarray(X)
        return v


def _rank1(w: Any, v: Mapping[str, Any]) -> None:
    kernels.rank1(w, v.get("g"), v.get("x"), **{name: value for name, value in v.items() if name not in ("g", "x")})


def _apply(change: Any, v: Mapping[str, Any], w: Any) -> Any:
    """Δw of the vectors, added to `change`."""
    if "decay" in v:
        change -= v["decay"][:, None] * w
    if "col_decay" in v:
        change -= v["col_decay"] * w
    rest = {name: value for name, value in v.items() if "decay" not in name}
    if rest:
        _rank1(change, rest)
    return change
