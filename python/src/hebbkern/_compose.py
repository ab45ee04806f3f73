"""What any rule may be joined with: bounds, masks, signs, drift, rates by row, weight normalisation.

The parts of a rule are its attributes; here they are checked when they are set, and made into the arguments of the
library for weights of a shape and a type.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from ._array import FLOATS
from ._errors import ArgumentTypeError, ArgumentValueError
from ._parameters import choice, finite, real

if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack

_HOW = ("multiplicative", "subtractive")


class WeightNorm(NamedTuple):
    """A normalisation of the rows of w after every update.

    Attributes
    ----------
    p : float
        Of "multiplicative": the norm is ``(Σ_j |w_ij|^p)^(1/p)``; above 0, ``math.inf`` is the largest ``|w_ij|``.
    target : float
        What the norm, above 0, resp. the sum of a row is brought to.
    how : "multiplicative" or "subtractive"
        All weights of a row times one factor, which keeps their signs and leaves a row of zeros; or plus one term, such
        that ``Σ_j w_ij`` is the target (Miller & MacKay 1994), which does not go with `sign`.

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = np.array([[3.0, 4.0]])
    >>> rule = hk.rules.Hebb(lr=0, normalize_weights=hk.WeightNorm(p=2, target=1))
    >>> y = rule.update(w, [1, 1])
    >>> w
    array([[0.6, 0.8]])
    """

    p: float = 2.0
    target: float = 1.0
    how: str = "multiplicative"


class Composition(TypedDict, total=False):
    """The keywords that the constructor of a rule takes beside its own (`hebbkern.rules` says which rules do not); each is
    an attribute of the rule, too.

    An update is ``w ← clip(sign(w + mask∘(s(w)·Δ + bistable)))``, then the weight normalisation, Δ being what the rule,
    the reduction and ``normalize`` give. All of it acts on all of w at every update.
    """

    bound: tuple[Any, Any] | None
    """(low, high): numbers, or arrays [in] or [out, in]; either may be None. Weights that the mask leaves out are clipped, too."""
    soft: bool
    """Whether Δ is multiplied by ``s(w) = (w − low)(high − w)``, with the two numbers of `bound` (Lagani 2023)."""
    bistable: tuple[float, float] | None
    """(γ, θ): a drift ``γ w (1 − w)(w − θ)`` at every update, to 0 or 1 (Lagani 2023). γ ≥ 0 is not multiplied by lr."""
    mask: Any
    """bool [out, in]: True where there is a synapse; other weights keep their value."""
    sign: Any
    """1: w ≥ 0, −1: w ≤ 0, 0: free; [in], a sign for each presynaptic unit (Dale's law), or [out, in]."""
    normalize_weights: WeightNorm | float | None
    """A `WeightNorm`, or its p. The mask's other weights neither count nor change. It may take weights past a bound."""
    row_lr: Any
    """Factors ≥ 0 of lr, [out] or one. Decay's λ is per update and not multiplied."""


class Packed(NamedTuple):
    """Arguments of the library's ``learn``: row_lr, low, high and mask, which end the arrays but for rates, and the end of
    the scalars."""

    arrays: tuple[Any, ...]
    scalars: tuple[Any, ...]


_NOTHING = Packed((None, None, None, None), (0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0))

NAMES = ("row_lr", "bound", "bound", "mask", "rates", "indices", "indptr")
SCALAR_NAMES = ("soft", "bound", "bound", "bistable", "bistable", "normalize_weights", "normalize_weights", "normalize_weights")


def _constant(value: Any, dtype: Any = None) -> npt.NDArray[Any]:
    """A copy that nobody changes."""
    array = np.array(value, dtype=dtype)
    array.flags.writeable = False
    return array


class Composed:
    """The attributes, and what they are for the library."""

    _parts = ("bound", "soft", "bistable", "mask", "sign", "normalize_weights", "row_lr")

    def __init__(self, **composition: Unpack[Composition]) -> None:
        self._bound: tuple[Any, Any] | None = None
        self._soft = False
        self._bistable: tuple[float, float] | None = None
        self._mask: npt.NDArray[np.bool_] | None = None
        self._sign: npt.NDArray[np.int8] | None = None
        self._normalize_weights: WeightNorm | None = None
        self._row_lr: Any = None
        self._packed: tuple[Any, Packed] | None = None
        self._any = False
        for name, value in composition.items():
            if name not in self._parts:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
            setattr(self, name, value)

    def _has_changed(self) -> None:
        self._packed = None
        self._any = self._soft or any(getattr(self, f"_{name}") is not None for name in self._parts if name != "soft")

    @property
    def bound(self) -> tuple[Any, Any] | None:
        return self._bound

    @bound.setter
    def bound(self, value: tuple[Any, Any] | None) -> None:
        label = type(self).__name__
        if value is not None:
            if not isinstance(value, (tuple, list)) or len(value) != 2:
                raise ArgumentTypeError(f"{label}: bound is {value!r}; a pair (low, high) is wanted", "bound")
            value = (_limit(label, value[0]), _limit(label, value[1]))
            low, high = (_one(v) for v in value)
            if low is not None and high is not None and low > high:
                raise ArgumentValueError(f"{label}: bound is {value}; the lower bound is above the upper one", "bound")
        self._bound = value
        self._has_changed()

    @property
    def soft(self) -> bool:
        return self._soft

    @soft.setter
    def soft(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise ArgumentTypeError(f"{type(self).__name__}: soft is {value!r}; True or False is wanted", "soft")
        self._soft = bool(value)
        self._has_changed()

    @property
    def bistable(self) -> tuple[float, float] | None:
        return self._bistable

    @bistable.setter
    def bistable(self, value: tuple[float, float] | None) -> None:
        label = type(self).__name__
        if value is not None:
            if not isinstance(value, (tuple, list)) or len(value) != 2:
                raise ArgumentTypeError(f"{label}: bistable is {value!r}; a pair (gamma, theta) is wanted", "bistable")
            value = (real(label, "bistable", value[0]), finite(label, "bistable", value[1]))
        self._bistable = value
        self._has_changed()

    @property
    def mask(self) -> npt.NDArray[np.bool_] | None:
        return self._mask

    @mask.setter
    def mask(self, value: Any) -> None:
        if value is not None:
            value = np.asarray(value)
            if value.dtype != np.bool_:
                raise ArgumentTypeError(
                    f"{type(self).__name__}: mask is {value.dtype}; bool is wanted; pass mask.astype(bool)", "mask"
                )
        self._mask = value
        self._has_changed()

    @property
    def sign(self) -> npt.NDArray[np.int8] | None:
        return self._sign

    @sign.setter
    def sign(self, value: Any) -> None:
        if value is not None:
            label, given = type(self).__name__, np.asarray(value)
            if given.ndim not in (1, 2) or not np.isin(given, (-1, 0, 1)).all():
                raise ArgumentValueError(f"{label}: sign is {value!r}; 1, 0 and -1, [in] or [out, in], are wanted", "sign")
            value = _constant(given, np.int8)
        self._sign = value
        self._has_changed()

    @property
    def normalize_weights(self) -> WeightNorm | None:
        return self._normalize_weights

    @normalize_weights.setter
    def normalize_weights(self, value: WeightNorm | float | None) -> None:
        label, name = type(self).__name__, "normalize_weights"
        if value is not None:
            norm = value if isinstance(value, WeightNorm) else WeightNorm(value)
            how = choice(label, name, norm.how, _HOW)
            p = norm.p if norm.p == math.inf else real(label, name, norm.p, above=0)
            target = real(label, name, norm.target, above=0) if how == 0 else finite(label, name, norm.target)
            value = WeightNorm(p, target, norm.how)
        self._normalize_weights = value
        self._has_changed()

    @property
    def row_lr(self) -> Any:
        return self._row_lr

    @row_lr.setter
    def row_lr(self, value: Any) -> None:
        label = type(self).__name__
        if value is not None:
            if np.ndim(value) == 0:
                value = real(label, "row_lr", value)
            else:
                value = _constant(_floats(label, "row_lr", value))
                if value.ndim != 1 or not (np.isfinite(value) & (value >= 0)).all():
                    raise ArgumentValueError(f"{label}: row_lr is {value}; [out] finite numbers >= 0 are wanted", "row_lr")
        self._row_lr = value
        self._has_changed()

    def _described(self) -> dict[str, str]:
        """The parts that are there, in words."""
        found = {}
        for name in self._parts:
            value = getattr(self, name)
            if value is not None and value is not False:
                found[name] = f"<{value.dtype} {list(value.shape)}>" if isinstance(value, np.ndarray) else repr(value)
        return found

    def _compose(self, label: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Packed:
        """The parts for weights [out, in]. What is wrong with these is for the library to say."""
        if not self._any or len(shape) != 2 or dtype not in FLOATS:
            return _NOTHING
        key = (shape, dtype)
        if self._packed is None or self._packed[0] != key:
            self._packed = (key, self._pack(label, shape, dtype))
        return self._packed[1]

    def _pack(self, label: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Packed:
        def fits(name: str, value: npt.NDArray[Any], *wanted: tuple[int, ...]) -> None:
            if value.shape not in wanted:
                raise ArgumentValueError(
                    f"{label}: {name} has shape {value.shape}; {' or '.join(map(str, wanted))} is wanted", name
                )

        low, high = self._bound or (None, None)
        for v in (low, high):
            if isinstance(v, np.ndarray):
                fits("bound", v, shape[1:], shape)
        if low is not None and high is not None and np.greater(low, high).any():
            raise ArgumentValueError(f"{label}: bound has lower bounds above the upper ones", "bound")
        soft: tuple[Any, ...] = (0, 0.0, 0.0)
        if self._soft:
            ends = (_one(low), _one(high))
            if ends[0] is None or ends[1] is None or not dtype.type(ends[0]) < dtype.type(ends[1]):
                raise ArgumentValueError(f"{label}: soft wants a bound of two numbers, the lower below the upper", "bound")
            soft = (1, *ends)
        norm = self._normalize_weights
        if self._sign is not None:
            fits("sign", self._sign, shape[1:], shape)
            if norm is not None and norm.how == "subtractive":
                raise ArgumentValueError(f"{label}: sign does not go with subtractive weight normalisation", "sign")
            low, high = self._limits(label, low, high)
        if self._mask is not None:
            fits("mask", self._mask, shape)
        row_lr = self._row_lr
        if isinstance(row_lr, np.ndarray):
            fits("row_lr", row_lr, shape[:1])
            row_lr = row_lr.astype(dtype)
        return Packed(
            (
                row_lr,
                low.astype(dtype) if isinstance(low, np.ndarray) else low,
                high.astype(dtype) if isinstance(high, np.ndarray) else high,
                self._mask,
            ),
            (
                *soft,
                *(self._bistable or (0.0, 0.0)),
                *((0, 0.0, 0.0) if norm is None else (1 + _HOW.index(norm.how), norm.p, norm.target)),
            ),
        )

    def _limits(self, label: str, low: Any, high: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The bounds with those of the signs."""
        sign = self._sign
        low = -np.inf if low is None else low
        high = np.inf if high is None else high
        lows = np.where((sign == 1) & np.less_equal(low, 0), 0.0, low)
        highs = np.where((sign == -1) & np.greater_equal(high, 0), 0.0, high)
        if ((sign == 1) & (highs < 0) | (sign == -1) & (lows > 0)).any():
            raise ArgumentValueError(f"{label}: sign leaves no weight within the bounds", "sign")
        return lows, highs


def _floats(label: str, name: str, value: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{label}: {name} is {value!r}; numbers are wanted", name) from None


def _limit(label: str, value: Any) -> Any:
    """One bound: None, a number, or an array; none at infinity."""
    if value is None:
        return None
    array = _floats(label, "bound", value)
    if np.isnan(array).any():
        raise ArgumentValueError(f"{label}: bound is NaN; a number is wanted", "bound")
    if array.ndim == 0:
        return None if np.isinf(array) else float(array)
    if array.ndim > 2:
        raise ArgumentValueError(f"{label}: bound has shape {array.shape}; numbers, [in] or [out, in] are wanted", "bound")
    return _constant(array)


def _one(value: Any) -> float | None:
    return value if isinstance(value, float) else None
