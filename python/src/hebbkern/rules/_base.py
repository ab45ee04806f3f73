"""What the rules have in common: their arrays, the call into the library, what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, ClassVar, Literal, NamedTuple, Sequence, Union

import numpy as np
import numpy.typing as npt

from .. import _compose
from .._array import FLOATS, Fault, as_array, output, settle
from .._compose import Composed
from .._csr import is_csr
from .._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DivergenceError,
    Interrupted,
)
from .._lib import native
from .._parameters import choice, count, finite, real

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._compose import Composition
    from ..schedules import Schedule

REDUCTIONS = ("sequential", "sum", "mean")
MAX_BLOCK = 4096

Reduction = Literal["sequential", "sum", "mean"]
Normalize = Union[Literal["max"], None]
Array = npt.NDArray[Any]


class Parameters(NamedTuple):
    """What rules have beside lr, in the order of the library's arguments."""

    decay: float = 0.0
    k: int = 0
    score: int = 0
    temperature: float = 0.0
    anti: int = 0
    alpha: float = 0.0
    form: int = 0
    power: float = 0.0
    c0: float = 0.0
    q: float = 0.0
    delta: float = 0.0
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    differentiate: int = 0
    zero_diagonal: int = 0


NONE = Parameters()
_ARRAYS = ("w", "x", "y", "gate", "pre", "post")
_SCALARS = (
    *("rule", "lr", "decay", "reduction", "normalize", "compute", "block"),
    *Parameters._fields[1:],
)


class Stateful:
    """What rules with arrays of state have in common."""

    _state: ClassVar[tuple[str, ...]]  # the attributes
    _start: ClassVar[float] = 0.0

    def reset(self) -> None:
        """Forget the state: the next `update` starts anew, in the shape and type of its w."""
        for name in self._state:
            setattr(self, name, None)

    def _shape(self, name: str, out: int, n_in: int) -> tuple[int, ...]:
        raise NotImplementedError

    def _begin(self, n: tuple[int, int] | None, dtype: npt.DTypeLike) -> None:
        """The state of a new rule: for weights of shape n, or none yet."""
        self.reset()
        if n is None:
            return
        label = type(self).__name__
        if not (isinstance(n, tuple) and len(n) == 2):
            raise ArgumentTypeError(f"{label}: n is {n!r}; (out, in), the shape of w, is wanted", "n")
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentTypeError(f"{label}: dtype is {np.dtype(dtype)}; float32 or float64 is wanted", "dtype")
        sizes = count(label, "n", n[0]), count(label, "n", n[1])
        for name in self._state:
            setattr(self, name, np.full(self._shape(name, *sizes), self._start, dtype))

    def _array(self, name: str, w: Array, label: str, sizes: tuple[int, ...] | None = None, shape: tuple[int, ...] | None = None) -> Array:
        """The state by this name; a new one if there is none yet. `sizes` are those of sparse weights, `shape` that of a state
        that has another than `_shape` says."""
        state, sizes = getattr(self, name), sizes or w.shape
        if len(sizes) != 2 or w.dtype not in FLOATS:
            return np.zeros(0)  # the library refuses w before it looks at it
        shape = shape or self._shape(name, *sizes)
        if state is None:
            return np.full(shape, self._start, w.dtype)
        if not isinstance(state, np.ndarray):
            raise ArgumentTypeError(f"{label}: {name} is {state!r}; a NumPy array is wanted, or None for a new one", name)
        if state.dtype != w.dtype or state.shape != shape:
            kind = ArgumentTypeError if state.dtype != w.dtype else ArgumentValueError
            raise kind(
                f"{label}: {name} has shape {state.shape} and is {state.dtype}; {shape} and {w.dtype} "
                "are wanted for this w; reset() forgets the state",
                name,
            )
        return state


class Learner(Composed):
    """What is composed and has a learning rate that may change."""

    _count: ClassVar[str] = "step"  # the attribute that counts updates, where lr is a schedule
    lr: float | Schedule
    step: int

    def __init__(self, lr: float | Schedule, **composition: Unpack[Composition]) -> None:
        super().__init__(**composition)
        self.lr = lr if callable(lr) else real(type(self).__name__, "lr", lr)
        setattr(self, self._count, 0)

    def __repr__(self) -> str:
        hidden = self._state if isinstance(self, Stateful) else ()
        if not callable(self.lr):
            hidden = (*hidden, self._count)
        values = {k: repr(v) for k, v in vars(self).items() if k not in hidden and not k.startswith("_")}
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in {**values, **self._described()}.items())})"

    def _learn(
        self,
        function: str,
        label: str,
        arrays: Sequence[Any],
        before: Sequence[Any],
        after: Sequence[Any],
        sparse: Sparse | None,
        names: Callable[[], tuple[Sequence[str], Sequence[str]]],
        library: Sequence[str],
        state: dict[str, Any],
        in_turn: bool,
        unit: str = "samples",
    ) -> None:
        """Call the library's function on arrays, which begin with w and x, and scalars, which have lr between `before` and
        `after`. `names` are those of the arrays and of the scalars, lr included; the rest is as for `run`."""
        w, x = arrays[:2]
        composed, more = self._compose(label, w.shape if sparse is None else sparse.shape, w.dtype)
        lr, rates, steps, count = self.lr, None, 0, getattr(self, self._count)
        if callable(lr):
            steps = (len(x) if in_turn else min(1, len(x))) if x.ndim == 2 else 1
            lr, rates = self._rates(lr, label, w, count, steps)
        indices = (None, None) if sparse is None else (sparse.indices, sparse.indptr)
        args = [*arrays, *composed, rates, *indices, *before, lr, *after, *more]

        def known() -> tuple[str, ...]:
            vectors, scalars = names()
            return (*vectors, *_compose.NAMES, *scalars, *_compose.SCALAR_NAMES)

        try:
            run(self, function, args, known, library, state, label, in_turn, unit)
        except (DivergenceError, Interrupted) as error:
            setattr(self, self._count, count + min(error.done or 0, steps))
            raise
        setattr(self, self._count, count + steps)

    def _rates(self, schedule: Schedule, label: str, w: Array, first: int, steps: int) -> tuple[float, Any]:
        """The rate of the next updates where it is one, else an array with one each, as w's type has them."""
        rates = np.array([real(label, "lr", schedule(first + k)) for k in range(steps)], np.float64)
        if w.dtype in FLOATS:
            rates = rates.astype(w.dtype)
        same = steps == 0 or bool((rates == rates[0]).all())
        return (float(rates[0]) if steps else 0.0, None) if same else (0.0, rates)


class Rule(Learner):
    """What the rules have in common; use one of its kinds.

    Attributes
    ----------
    lr : float or schedule
        η ≥ 0, or what gives it by the number of the update.
    step : int
        The number of the next update, where lr is a schedule.
    """

    _code: ClassVar[int]
    _gate: str | None = None  # the attribute that is the library's gate: a parameter by unit
    _pre: str | None = None  # likewise: state of presynaptic units
    _post: str | None = None  # and of postsynaptic ones

    def update(
        self,
        w: Any,
        x: Any,
        y: Any = None,
        *,
        reduction: Reduction = "sequential",
        block: int | None = None,
        normalize: Normalize = None,
    ) -> Array:
        """Learn from one sample or a batch.

        Parameters
        ----------
        w : array [out, in], or sparse
            Weights, written in place. Sparse ones are a `scipy.sparse.csr_array` in canonical form or a `CSR`: the stored
            entries learn as those of a dense w under a mask do whose other weights are 0, but for rounding. They go
            neither with `block`, since each row sees its own part of x, so that rows share no product X Xᵀ, nor with a
            mask, which they are themselves.
        x : array [in] or [samples, in]
            Presynaptic activity.
        y : array [out] or [samples, out], optional
            Postsynaptic activity. None: computed inside, ``y = w x`` or what the rule makes of it. `WTA`, `SoftHebb` and
            `KrotovHopfield` take none; `PES` takes the error here, and always.
        reduction : "sequential", "sum" or "mean"
            See the module. `KrotovHopfield` has "sum" for its default; `DifferentialHebbian` is "sequential" only.
        block : int, optional
            Samples that are worked on together, 1 to 4096: see the module. The result is that of one sample at a time
            but for rounding (`WTA`: bit for bit), and for a given block the same bits everywhere. It needs memory
            for ``3 block (out + block)`` numbers or so; `Sanger` for two copies of w and ``2 out²``, `WTA` for a copy of
            the rows that win. It does not go with "sum", "mean" or `normalize`, nor with `Outstar`,
            `KrotovHopfield`, a diagonal that is held, a rate that changes, and what acts on single weights (bounds, masks,
            signs, drift, weight normalisation). None: one sample at a time.
        normalize : "max", optional
            After the reduction, Δw is scaled to a largest change of η: ``η Δw / max(max|Δw|, 1e-30)``.

        Returns
        -------
        array [out] or [samples, out]
            y, as given or computed.

        Raises
        ------
        TypeError, ValueError
            A bad argument; w and the state of the rule are unchanged then.
        DivergenceError
            y, the weights or the state left the finite numbers at the sample named; `done` samples are in w.
        Interrupted
            Ctrl-C (a KeyboardInterrupt) between two samples, or two blocks; `done` samples are in w. "sum" and "mean"
            are one update and come to their end first.
        """
        label = f"{type(self).__name__}.update"
        size = 0 if block is None else count(label, "block", block, most=MAX_BLOCK)
        how = choice(label, "reduction", reduction, REDUCTIONS)
        scaled = check_normalize(label, normalize)
        parameters = self._parameters(label)
        w, sparse = weights(w, x, label)
        x, out = samples(label, w, x, y, sparse)
        gate = pre = post = None
        state: dict[str, Any] = {}
        if self._gate is not None:
            gate = by_unit(label, self._gate, getattr(self, self._gate), w)
        if isinstance(self, Stateful):
            shape = None if sparse is None else sparse.shape
            if (name := self._pre) is not None:
                pre = state[name] = self._array(name, w, label, shape)
            if (name := self._post) is not None:
                post = state[name] = self._array(name, w, label, shape)
        after = (parameters[0], how, scaled, int(y is None), size, *parameters[1:])
        self._learn("learn", label, (w, x, out, gate, pre, post), (self._code,), after, sparse, self._names, _ARRAYS, state, how == 0)
        return out

    def _names(self) -> tuple[Sequence[str], Sequence[str]]:
        return ("w", "x", "y", self._gate or "gate", self._pre or "pre", self._post or "post"), _SCALARS

    def _parameters(self, function: str) -> Parameters:
        return NONE


def check_normalize(label: str, normalize: Any) -> int:
    if normalize not in (None, "max"):
        kind = ArgumentValueError if isinstance(normalize, str) else ArgumentTypeError
        raise kind(f"{label}: normalize is {normalize!r}; 'max' or None is wanted", "normalize")
    return int(normalize == "max")


def run(
    owner: Any,
    function: str,
    args: list[Any],
    names: Callable[[], Sequence[str]],
    arrays: Sequence[str],
    state: dict[str, Any],
    label: str,
    in_turn: bool,
    unit: str = "samples",
) -> None:
    """Call the library's function of a rule on w, x, ... and give the rule the state that it has used.

    `names` gives the arguments as users know them, `arrays` are the names that the library has for the first of them. `in_turn`
    says that samples are worked on one after the other.
    """
    x, call, counter = args[1], getattr(native, function), None
    fault: Fault | None
    if x.ndim == 1:
        fault = call(*args)
    else:
        counter = np.zeros(1, np.int64)
        try:
            fault = call(*args, counter)
        except KeyboardInterrupt:
            vars(owner).update(state)
            done = int(counter[0]) if in_turn else len(x)
            raise Interrupted(f"{label}: stopped after {done} of {len(x)} {unit}, which w holds", done) from None
    if fault is not None:
        at, known = fault[2], names()
        if 0 <= at < len(arrays) and arrays[at] != known[at]:
            fault = (*fault[:4], fault[4].replace(f" {arrays[at]} ", f" {known[at]} ", 1), *fault[5:])
        try:
            settle(function, fault, known, ("w", *state), args, label)
        except DivergenceError as error:
            if counter is not None:
                error.done = int(counter[0])
            vars(owner).update(state)
            raise
    if state:
        vars(owner).update(state)


class Sparse(NamedTuple):
    """What sparse weights have beside their entries."""

    indices: Any
    indptr: Any
    shape: tuple[int, ...]


def weights(w: Any, x: Any, label: str) -> tuple[Array, Sparse | None]:
    """w as an array, of sparse weights the entries; the library checks the rest."""
    if isinstance(w, np.ndarray) or not is_csr(w):
        return as_array(w, "w", label, written=True), None
    shape = tuple(int(n) for n in w.shape)
    if len(shape) != 2 or np.ndim(w.indptr) != 1 or len(w.indptr) != shape[0] + 1:
        raise ArgumentValueError(f"{label}: w has shape {shape} and {np.size(w.indptr)} row pointers; one more than rows is wanted", "w")
    if np.ndim(x) not in (1, 2) or np.shape(x)[-1] != shape[1]:
        raise ArgumentValueError(f"{label}: x has shape {np.shape(x)}; ({shape[1]},) or (samples, {shape[1]}) is wanted", "x")
    return as_array(w.data, "w", label, written=True), Sparse(w.indices, w.indptr, shape)


def samples(label: str, w: Array, x: Any, y: Any, sparse: Sparse | None = None) -> tuple[Array, Array]:
    """x, and y as given or memory for it."""
    if not isinstance(x, np.ndarray):
        x = read(x, "x", label, w)
    if y is None:
        leading = x.shape[:1] if x.ndim == 2 else ()
        return x, output(w, 0, leading) if sparse is None else np.empty((*leading, sparse.shape[0]), w.dtype)
    return x, y if isinstance(y, np.ndarray) else read(y, "y", label, w)


def read(value: Any, name: str, label: str, w: Array) -> Array:
    """An input that is no NumPy array as one; numbers in lists become w's type."""
    array = as_array(value, name, label)
    if not hasattr(value, "__dlpack__") and isinstance(value, (list, tuple)) and w.dtype in FLOATS:
        array = array.astype(w.dtype)
    return array


def by_unit(label: str, name: str, value: Any, w: Array) -> Any:
    """A parameter that is one number for all units, or one for each, in w's type."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        if value.dtype.kind not in "fiu":
            raise ArgumentTypeError(f"{label}: {name} is {value.dtype}; numbers are wanted", name)
        return value.astype(w.dtype, copy=False) if w.dtype in FLOATS else value
    return finite(label, name, value)


def units(label: str, name: str, value: Any) -> Any:
    """A parameter as by_unit takes it: a number, or an array."""
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.ndim > 0:
        if value.dtype.kind not in "fiu" or not np.isfinite(value).all():
            kind = ArgumentValueError if value.dtype.kind in "fiu" else ArgumentTypeError
            raise kind(f"{label}: {name} is {value!r}; finite numbers are wanted", name)
        return value
    return finite(label, name, value)
