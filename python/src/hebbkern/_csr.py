"""Sparse weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._array import FLOATS, checked
from ._errors import ArgumentTypeError, ArgumentValueError


class CSR(NamedTuple):
    """Sparse weights, for those who have no SciPy: what `scipy.sparse.csr_array` has under the same names.

    `balance` and rules take either, in the place of w: the stored entries change in place, the others do not exist.

    Attributes
    ----------
    data : array [stored]
        float32 or float64, the stored entries, row after row.
    indices : array [stored]
        int32 or int64, their columns, which ascend in a row.
    indptr : array [out + 1]
        The same type: row i has the entries ``indptr[i]`` to ``indptr[i + 1] - 1``.
    shape : (out, in)

    Examples
    --------
    >>> import numpy as np, hebbkern as hk
    >>> w = hk.CSR.from_dense(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]))
    >>> hk.rules.Hebb(lr=1.0).update(w, [1.0, 10.0, 2.0])
    array([ 5., 30.])
    >>> w.to_dense()
    array([[  6.,   0.,  12.],
           [  0., 303.,   0.]])
    """

    data: npt.NDArray[Any]
    indices: npt.NDArray[Any]
    indptr: npt.NDArray[Any]
    shape: tuple[int, int]

    @classmethod
    def from_dense(cls, w: Any, mask: Any = None) -> CSR:
        """The entries of w [out, in] where mask is True, or where w is not 0."""
        w = np.asarray(w)
        if w.ndim != 2 or w.dtype not in FLOATS:
            raise ArgumentTypeError(f"CSR.from_dense: w is {w.dtype} of shape {w.shape}; a float32 or float64 matrix is wanted", "w")
        where = w != 0 if mask is None else np.asarray(mask, bool)
        if where.shape != w.shape:
            raise ArgumentValueError(f"CSR.from_dense: mask has shape {where.shape}; {w.shape} is wanted", "mask")
        indptr = np.concatenate([[0], np.cumsum(where.sum(1))]).astype(np.int32)
        return cls(w[where], where.nonzero()[1].astype(np.int32), indptr, (w.shape[0], w.shape[1]))

    def to_dense(self) -> npt.NDArray[Any]:
        """w [out, in], with 0 where there is no entry."""
        w = np.zeros(self.shape, self.data.dtype)
        w[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return w


def is_csr(w: Any) -> bool:
    """Whether w has the parts of a CSR matrix."""
    return all(hasattr(w, name) for name in ("data", "indices", "indptr", "shape"))


def checked_csr(value: Any, name: str, function: str, *, dtype: np.dtype[Any] | None = None, written: bool = False) -> CSR:
    """Sparse weights over the memory of `value`, or the error that says what is wrong with its arrays. The library looks at
    the structure."""
    shape = tuple(int(n) for n in value.shape)
    data = checked(value.data, name, function, ndim=1, dtype=dtype, written=written)
    indices, indptr = (np.asarray(part) for part in (value.indices, value.indptr))
    for part, what, size in ((indices, "indices", len(data)), (indptr, "indptr", shape[0] + 1)):
        if part.dtype not in (np.dtype(np.int32), np.dtype(np.int64)) or not part.flags.c_contiguous:
            raise ArgumentTypeError(f"{function}: {what} of {name} is {part.dtype}; contiguous int32 or int64 is wanted", name)
        if len(shape) != 2 or part.shape != (size,):
            raise ArgumentValueError(
                f"{function}: {name} has shape {shape}, {len(data)} entries and {what} of shape {part.shape}; ({size},) is wanted",
                name,
            )
    return CSR(data, indices, indptr, (shape[0], shape[1]))
