"""Arrays on their way into the library.

The library takes what gives a buffer (NumPy arrays, memoryviews, ...) as it is. This module turns other things into
NumPy arrays, which happens only after the library has refused them, and puts refusals into words:

* arrays of other libraries (torch CPU tensors, whatever has ``__dlpack__``) become NumPy arrays over the same memory;
* numbers in lists or tuples are converted, for arguments that are only read.

An array that is written is never copied: what cannot be seen through as it is is refused.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from typing import Any, Callable, NoReturn, Sequence

import numpy as np
import numpy.typing as npt

from . import _header
from ._errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DivergenceError,
    InternalError,
)
from ._lib import native

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

Fault = tuple[int, int, int, int, str, int, int]


def from_dlpack(array: Any, written: bool) -> npt.NDArray[Any]:
    """A NumPy array over the memory of another library's array. Raises whatever that library does."""
    if getattr(array, "requires_grad", False):
        array = array.detach()  # the same memory, outside of the gradient's tape
    if hasattr(array, "__dlpack_device__"):
        kind = array.__dlpack_device__()[0]
        if kind not in (1, 3):  # kDLCPU, kDLCUDAHost
            raise BufferError("its memory is on another device; bring it to the CPU first")
    view = np.from_dlpack(array)
    if written and not view.flags.writeable and not _says_readonly(array):
        view = _writable(view)
    return view


def _says_readonly(array: Any) -> bool:
    """Whether a DLPack array is marked read-only. Only capsules of version 1 can be marked, and older NumPy does not ask
    for them: it takes every array for read-only."""
    try:
        capsule = array.__dlpack__(max_version=(1, 0))
    except TypeError:
        return False
    name = b"dltensor_versioned"
    valid, pointer = ctypes.pythonapi.PyCapsule_IsValid, ctypes.pythonapi.PyCapsule_GetPointer
    valid.restype, valid.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    if not valid(capsule, name):
        return False
    # struct DLManagedTensorVersioned { uint32 major, minor; void *context, (*deleter)(); uint64 flags; ... }
    flags = ctypes.c_uint64.from_address(pointer(capsule, name) + 24).value
    return bool(flags & 1)


def _writable(view: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same memory without the read-only flag that NumPy has put on; `view` is kept alive."""
    if view.size == 0:
        return np.empty(view.shape, view.dtype)

    class Memory:
        __array_interface__ = {**view.__array_interface__, "data": (view.ctypes.data, False)}
        owner = view

    return np.asarray(Memory())


def converted(value: Any, name: str, function: str, written: bool, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """What the library refused as no array, as one; `dtype` is for plain numbers. TypeError if it cannot be."""
    if hasattr(value, "__dlpack__"):
        try:
            return from_dlpack(value, written)
        except (BufferError, TypeError, ValueError, RuntimeError, AssertionError) as error:
            if not written and hasattr(value, "__array__"):  # older torch gives no bool by DLPack
                with contextlib.suppress(TypeError, ValueError, RuntimeError):
                    return np.asarray(value)
            raise ArgumentTypeError(
                f"{function}: {name} is {_what(value)} that cannot be used in place: {error}", name
            ) from None
    if written:
        raise ArgumentTypeError(
            f"{function}: {name} is {_what(value)}; it is written in place, so an array in memory is wanted "
            "(NumPy, or any with a buffer or DLPack)",
            name,
        )
    if value is None or isinstance(value, (str, bytes, bytearray, dict, set, frozenset)):
        raise ArgumentTypeError(f"{function}: {name} is {_what(value)}; an array or a number is wanted", name)
    try:
        if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
            return np.asarray(value)
        with np.errstate(over="ignore"):
            array = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentTypeError(f"{function}: {name} is {_what(value)}; an array or a number is wanted", name) from None
    return array


def _what(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"a {name}"


def as_array(value: Any, name: str, function: str, written: bool = False) -> npt.NDArray[Any]:
    """An argument whose shape is needed before the call. Plain numbers become float64."""
    if isinstance(value, np.ndarray):
        return value
    try:
        view = memoryview(value)
    except TypeError:
        return converted(value, name, function, written, FLOATS[1])
    return np.asarray(view)


def output(w: npt.NDArray[Any], axis: int, leading: tuple[int, ...] = ()) -> npt.NDArray[Any]:
    """Memory for a result with a value for each entry of an axis of w. If w is not what it should be, the library will
    say so before it looks at the result."""
    if w.ndim != 2 or w.dtype not in FLOATS:
        return np.empty(0)
    return np.empty((*leading, w.shape[axis]), w.dtype)


def settle(
    function: str, fault: Fault, names: Sequence[str], written: Sequence[str], args: list[Any], label: str | None = None
) -> None:
    """After a refusal: convert what can be converted and call again, or raise.

    `names` are the arguments in the order of the library's function, `written` those of them that the function writes;
    `label` is what errors call the function.
    """
    label = label or function
    call: Callable[..., Fault | None] = getattr(native, function)
    while fault[1] == _header.R_OBJECT:
        position = fault[2]
        name, value = names[position], args[position]
        dtype = np.dtype(np.bool_) if name == "mask" else _dtype_of(args[0])
        array = converted(value, name, label, name in written, dtype)
        if array is value:
            raise ArgumentTypeError(f"{label}: {name} is {_what(value)}; an array or a number is wanted", name)
        args[position] = array
        again = call(*args)
        if again is None:
            return
        if again[1] == _header.R_OBJECT and again[2] == position:
            raise ArgumentTypeError(f"{label}: {name} is {_what(value)}; an array or a number is wanted", name)
        fault = again
    refuse(function, fault, names, written, args, label)


def _dtype_of(w: Any) -> np.dtype[Any]:
    dtype = getattr(w, "dtype", None)
    if dtype is None:
        try:
            dtype = np.asarray(memoryview(w)).dtype
        except (TypeError, ValueError):
            return FLOATS[1]
    return dtype if dtype in FLOATS else FLOATS[1]


def refuse(
    function: str, fault: Fault, names: Sequence[str], written: Sequence[str], args: Sequence[Any], label: str
) -> NoReturn:
    """The error for a refusal, with what mends it."""
    status, reason, position, _, message, sample, layer = fault
    message = label + message.removeprefix(function)
    if status == _header.E_INTERNAL:
        raise InternalError(message)
    if status == _header.E_DIVERGED:
        raise DivergenceError(message, sample=sample if sample >= 0 else None, layer=layer if layer >= 0 else None)
    if not 0 <= position < len(names):
        found = _NAME.match(fault[4])
        named = next((name for name in names if found and name.lower() == found[1]), None)
        if named:
            message = message.replace(named.lower(), named, 1)
        raise (ArgumentTypeError if status == _header.E_TYPE else ArgumentValueError)(message, named)
    name = names[position]
    message = message.replace(f" {name.lower()} ", f" {name} ", 1)
    message += _advice(reason, name, args[position], name in written, args[0], function)
    raise (ArgumentTypeError if status == _header.E_TYPE else ArgumentValueError)(message, name)


def _advice(reason: int, name: str, value: Any, written: bool, w: Any, function: str) -> str:
    if reason == _header.R_DTYPE:
        was = f" (it is {value.dtype})" if hasattr(value, "dtype") else ""
        if written or value is w:
            return f"{was}; convert it yourself, since it is not copied: {name} = {name}.astype(np.float32)"
        if name in ("mask", "pre", "post"):
            return f"{was}; pass {name}.astype(bool)"
        return f"{was}; pass {name}.astype(np.{_dtype_of(w)})"
    if reason == _header.R_LAYOUT:
        if written:
            return f"; it is not copied: {name} = np.ascontiguousarray({name}) makes one that fits"
        return f"; pass np.ascontiguousarray({name})"
    if reason == _header.R_READONLY:
        return f"; pass a writable array ({name}.flags.writeable), or {name}.copy() if the original is to stay"
    if reason == _header.R_OVERLAP:
        return f"; pass {name}.copy()" if not written else ""
    return ""


# ---- networks ------------------------------------------------------------------------------------------------------


def checked(
    value: Any, name: str, function: str, *, ndim: int, dtype: np.dtype[Any] | None = None, written: bool = False
) -> npt.NDArray[Any]:
    """An array as the functions on networks take it, or the error that says what is wrong with it."""
    if isinstance(value, np.ndarray):
        array = value
    else:
        try:
            array = np.asarray(memoryview(value))
        except TypeError:
            array = converted(value, name, function, written, dtype or FLOATS[1])
    if array.dtype not in FLOATS or (dtype is not None and array.dtype != dtype):
        wanted = "float32 or float64" if dtype is None else str(dtype)
        mend = f"convert it yourself, since it is not copied: {name}.astype" if written else f"pass {name}.astype"
        raise ArgumentTypeError(
            f"{function}: {name} is {array.dtype}; {wanted} is wanted; {mend}(np.{dtype or FLOATS[0]})", name
        )
    if array.ndim != ndim:
        raise ArgumentValueError(f"{function}: {name} has shape {array.shape}; {ndim} axes are wanted", name)
    if not _fits(array):
        raise ArgumentValueError(
            f"{function}: {name} has a last axis that is not contiguous, or rows that overlap or are not aligned; "
            f"pass np.ascontiguousarray({name})",
            name,
        )
    if written and not array.flags.writeable:
        raise ArgumentValueError(f"{function}: {name} is written but read-only; pass a writable array", name)
    return array


def _fits(array: npt.NDArray[Any]) -> bool:
    size = array.itemsize
    if array.size == 0:
        return True
    if not array.flags.aligned or (array.shape[-1] > 1 and array.strides[-1] != size):
        return False
    return (
        array.ndim == 1
        or array.shape[0] <= 1
        or (array.strides[0] % size == 0 and array.strides[0] >= array.shape[1] * size)
    )


_CODES = {
    FLOATS[0]: _header.FLOAT32,
    FLOATS[1]: _header.FLOAT64,
    np.dtype(np.int32): _header.INT32,
    np.dtype(np.int64): _header.INT64,
}


def describe(array: npt.NDArray[Any]) -> _header.Array:
    """The hk_array of a checked array. It does not keep the array alive."""
    rows = array.shape[0] if array.ndim == 2 else 1
    cols = array.shape[-1]
    stride = array.strides[0] // array.itemsize if array.ndim == 2 and rows > 1 and array.size else cols
    code = _CODES[array.dtype]
    flags = 0 if array.flags.writeable else _header.READONLY
    return _header.Array(array.__array_interface__["data"][0], rows, cols, stride, code, array.ndim, flags)


def describe_all(arrays: Sequence[npt.NDArray[Any] | None]) -> Any:
    """A C array of descriptors; None is an absent one."""
    return (_header.Array * len(arrays))(*[_header.Array() if a is None else describe(a) for a in arrays])


_NAME = re.compile(r"^\w+: (\S+) (?:is|has|shares) ")


def run(name: str, args: ctypes.Structure, label: str, *, locked: bool = False) -> None:
    """Call a function on networks until it is at its end. Ctrl-C is heard between the calls; with `locked`, Python's lock
    is held in them, for a function that calls back."""
    at = ctypes.c_int64(0)
    error = _header.Error()
    function = getattr(native.locked if locked else native.library, f"hk_{name}")
    while (status := function(ctypes.byref(args), ctypes.byref(at), ctypes.byref(error))) == _header.MORE:
        pass
    if status != _header.OK:
        raise_error(error, name, label)


def raise_error(error: _header.Error, name: str, label: str) -> NoReturn:
    """The exception for an hk_error of the function `name`, which errors call `label`."""
    message = error.message.decode(errors="replace")
    found = _NAME.match(message)
    message = f"{label}: {message}" if error.status == _header.E_INTERNAL else label + message.removeprefix(name)
    if error.status == _header.E_INTERNAL:
        raise InternalError(message)
    if error.status == _header.E_DIVERGED:
        raise DivergenceError(
            message,
            sample=error.sample if error.sample >= 0 else None,
            layer=error.layer if error.layer >= 0 else None,
        )
    raise (ArgumentTypeError if error.status == _header.E_TYPE else ArgumentValueError)(
        message, found[1] if found else None
    )
