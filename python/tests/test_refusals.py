"""Bad input: the error names the argument, what it was and what is wanted, and no array has changed by a bit."""

import math

import numpy as np
import pytest

import hebbkern as hk

OUT, IN, SAMPLES = 4, 6, 3


class Case:
    """Good arguments of one call, of which a test spoils one."""

    def __init__(self, name, positional, named=None, written=("w",)):
        self.name, self.positional, self.named, self.written = name, positional, named or {}, written

    def arguments(self):
        random = np.random.default_rng(1)
        shapes = {**self.positional, **self.named}
        made = {
            name: random.random(shape) + 0.5 if isinstance(shape, tuple) else shape for name, shape in shapes.items()
        }
        if "mask" in made:
            made["mask"] = made["mask"] > 1
        return made

    def call(self, arguments):
        positional = [arguments[name] for name in self.positional]
        named = {name: value for name, value in arguments.items() if name not in self.positional}
        return getattr(hk, self.name)(*positional, **named)

    def vectors(self):
        return [n for n, s in {**self.positional, **self.named}.items() if isinstance(s, tuple) and len(s) == 1]

    def arrays(self):
        return [n for n, s in {**self.positional, **self.named}.items() if isinstance(s, tuple)]


CASES = [
    Case(
        "rank1",
        {"w": (OUT, IN), "g": (OUT,), "x": (IN,)},
        {
            "decay": (OUT,),
            "col_decay": (IN,),
            "row_add": (OUT,),
            "col_add": (IN,),
            "low": -1.0,
            "high": 1.0,
            "mask": (OUT, IN),
        },
    ),
    Case(
        "batch_update",
        {"w": (OUT, IN), "g": (SAMPLES, OUT), "x": (SAMPLES, IN)},
        {
            "decay": (OUT,),
            "col_decay": (IN,),
            "row_add": (OUT,),
            "col_add": (IN,),
            "low": -1.0,
            "high": 1.0,
            "mask": (OUT, IN),
        },
    ),
    Case("forward", {"w": (OUT, IN), "x": (SAMPLES, IN), "b": (OUT,)}, {"out": (SAMPLES, OUT)}, written=("out",)),
    Case("power_sums", {"w": (OUT, IN)}, {"p": 2.0, "weights": (IN,)}, written=()),
    Case("norms", {"w": (OUT, IN)}, {"p": 2.0}, written=()),
    Case("scale", {"w": (OUT, IN), "rows": (OUT,), "cols": (IN,)}),
    Case("ema", {"s": (IN,), "a": (SAMPLES, IN), "alpha": 0.5}, written=("s",)),
    Case(
        "gain_rule",
        {"w": (OUT, IN), "post_gain": (OUT,), "pre_gain": (IN,), "lr": 0.1},
        {"bias": (OUT,), "limit": 2.0},
        written=("w", "bias"),
    ),
]


def each(select):
    return [pytest.param(case, name, id=f"{case.name}-{name}") for case in CASES for name in select(case)]


def refused(case, arguments, kind, name, *words):
    """The call is refused for this argument and leaves every array as it was, bit for bit."""
    before = {n: v.tobytes() for n, v in arguments.items() if isinstance(v, np.ndarray)}
    with pytest.raises(kind) as caught:
        case.call(arguments)
    assert isinstance(caught.value, hk.HebbkernError)
    message = str(caught.value)
    assert caught.value.argument == name, message
    assert name in message, message
    for word in words:
        assert word in message, message
    for n, v in arguments.items():
        if isinstance(v, np.ndarray):
            assert v.tobytes() == before[n], f"{n} has changed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_good_arguments_are_taken(case):
    case.call(case.arguments())


@pytest.mark.parametrize("case, name", each(lambda case: case.arrays()))
def test_shape(case, name):
    for change in (
        lambda a: a[..., :-1].copy(),  # one too short
        lambda a: np.zeros((*a.shape, 1), a.dtype),  # an axis too many
        lambda a: np.zeros((2, *a.shape), a.dtype),  # the same in front
    ):
        arguments = case.arguments()
        arguments[name] = change(arguments[name])
        if name == "w" or (case.name, name) in {("ema", "s"), ("ema", "a"), ("forward", "x"), ("batch_update", "g")}:
            # what gives the others their lengths: they are refused as well as it
            before = {n: v.tobytes() for n, v in arguments.items() if isinstance(v, np.ndarray)}
            if case.name in ("norms",) and arguments[name].ndim == 2:
                continue
            with pytest.raises(ValueError, match="shape|axes"):
                case.call(arguments)
            assert all(arguments[n].tobytes() == b for n, b in before.items())
        elif arguments[name].ndim == 2 and len({**case.positional, **case.named}[name]) == 1:
            refused(case, arguments, ValueError, name, "shape")
        else:
            refused(case, arguments, ValueError, name)


@pytest.mark.parametrize("case, name", each(lambda case: case.arrays()))
@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128, np.bool_, ">f8", object, "U3"])
def test_dtype(case, name, dtype):
    if (name == "mask") == (dtype is np.bool_):
        dtype = np.uint8
    arguments = case.arguments()
    arguments[name] = arguments[name].astype(dtype)
    refused(case, arguments, TypeError, name)


@pytest.mark.parametrize("case, name", each(lambda case: [n for n in case.arrays() if n not in ("w", "s", "mask")]))
def test_mixed_dtypes(case, name):
    arguments = case.arguments()
    arguments[name] = arguments[name].astype(np.float32)
    words = ("float32", "float64") if name in case.written else ("float32", "float64", "astype(np.float64)")
    refused(case, arguments, TypeError, name, *words)


@pytest.mark.parametrize("case, name", each(lambda case: case.arrays()))
def test_order(case, name):
    arguments = case.arguments()
    good = arguments[name]
    holder = np.zeros((*good.shape[:-1], 2 * good.shape[-1]), good.dtype)
    holder[..., ::2] = good
    arguments[name] = holder[..., ::2]
    refused(case, arguments, ValueError, name, "contiguous", "np.ascontiguousarray")
    if good.ndim == 2:
        arguments[name] = np.asfortranarray(good)
        refused(case, arguments, ValueError, name, "contiguous")
        arguments[name] = good[::-1]
        refused(case, arguments, ValueError, name, "stride")
        arguments[name] = np.lib.stride_tricks.as_strided(good, good.shape, (0, good.itemsize))
        refused(case, arguments, ValueError, name, "stride")
    arguments[name] = good[..., ::-1]
    refused(case, arguments, ValueError, name, "contiguous")
    odd = np.zeros(good.nbytes + 1, np.uint8)[1:].view(good.dtype).reshape(good.shape)
    if good.itemsize > 1:
        odd[...] = good
        arguments[name] = odd
        refused(case, arguments, ValueError, name, "aligned")


@pytest.mark.parametrize("case, name", each(lambda case: case.written))
def test_read_only(case, name):
    arguments = case.arguments()
    arguments[name].flags.writeable = False
    refused(case, arguments, ValueError, name, "read-only")


@pytest.mark.parametrize("case, name", each(lambda case: [n for n in case.arrays() if n not in case.written]))
def test_inputs_may_be_read_only(case, name):
    arguments = case.arguments()
    arguments[name].flags.writeable = False
    case.call(arguments)


@pytest.mark.parametrize("case", [case for case in CASES if case.written], ids=lambda case: case.name)
def test_overlap(case):
    written = case.written[0]
    for name in case.arrays():
        if name == written:
            continue
        arguments = case.arguments()
        shape = arguments[name].shape
        if name == "mask":
            arguments[name] = arguments[written].view(np.bool_)[:, :IN]
            arguments[written].view(np.uint8)[...] = 0
        else:
            memory = np.arange(200.0)
            target = arguments[written]
            arguments[written] = memory[: target.size].reshape(target.shape)
            start = target.size - 1  # the last element of the one is the first of the other
            size = math.prod(shape)
            arguments[name] = memory[start : start + size].reshape(shape)
        with pytest.raises(ValueError, match="shares elements") as caught:
            before = {n: v.tobytes() for n, v in arguments.items() if isinstance(v, np.ndarray)}
            case.call(arguments)
        assert caught.value.argument in (name, written)
        assert all(arguments[n].tobytes() == b for n, b in before.items())


def test_overlap_means_a_shared_element():
    base = np.arange(200.0).reshape(10, 20)
    w, rest = base[:, :10], base[:, 10:]
    hk.rank1(w, rest[:, 9].copy(), rest[3])  # a row of the other columns
    hk.batch_update(w, rest[:5, :], rest[5:, :])
    hk.forward(rest, w[0], out=base[0, 10:] * 0)
    assert np.array_equal(hk.forward(w, rest, out=np.empty((10, 10))), hk.forward(w.copy(), rest.copy()))
    with pytest.raises(ValueError, match="shares elements"):
        hk.rank1(w, 1, base[0, 9:19])
    with pytest.raises(ValueError, match="shares elements"):
        hk.rank1(base[:, :11], 1, base[3, 5:16])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 10**400])
@pytest.mark.parametrize(
    "case, name",
    each(lambda case: [n for n in case.vectors() if n not in case.written and n not in ("x", "a", "s", "weights")]
         + [n for n in ("low", "high", "alpha", "lr", "limit", "p") if n in case.arguments()]),
)  # fmt: skip
def test_scalars_that_are_not_finite(case, name, bad):
    if case.name == "norms" and bad == math.inf:
        return  # the maximum norm
    arguments = case.arguments()
    arguments[name] = bad
    kind = (ValueError, TypeError) if bad == 10**400 else ValueError
    refused(case, arguments, kind, name)


@pytest.mark.parametrize("bad", ["0.5", b"0.5", {"a": 1}, [[1, 2], [3]], object(), 1j, {1.0}])
@pytest.mark.parametrize("case, name", each(lambda case: [n for n in case.arguments()]))
def test_objects_that_are_no_arrays(case, name, bad):
    arguments = case.arguments()
    arguments[name] = bad
    refused(case, arguments, (TypeError, ValueError), name)


@pytest.mark.parametrize("case, name", each(lambda case: case.written))
def test_lists_are_not_written(case, name):
    arguments = case.arguments()
    arguments[name] = arguments[name].tolist()
    refused(case, arguments, TypeError, name, "list")


@pytest.mark.parametrize(
    "function, arguments, name",
    [
        ("rank1", {"low": 2.0, "high": 1.0}, "low"),
        ("rank1", {"low": [1.0, 2.0]}, "low"),
        ("rank1", {"g": None}, "g"),
        ("rank1", {"x": None}, "x"),
        ("rank1", {"w": None}, "w"),
        ("batch_update", {"g": None}, "g"),
        ("batch_update", {"low": 2.0, "high": 1.0}, "low"),
        ("forward", {"activation": "swish"}, "activation"),
        ("forward", {"activation": 3}, "activation"),
        ("forward", {"activation": ("leaky_relu", -1.0)}, "activation"),
        ("forward", {"activation": ("leaky_relu", "a")}, "activation"),
        ("forward", {"activation": ("leaky_relu", 1.0, 2.0)}, "activation"),
        ("forward", {"activation": ("relu", 1.0)}, "activation"),
        ("forward", {"activation": ()}, "activation"),
        ("forward", {"activation": "bilu"}, "activation"),
        ("forward", {"activation": ("bilu", math.nan, 1.0)}, "activation"),
        ("forward", {"activation": ("bilu", 1.0, math.inf)}, "activation"),
        ("forward", {"activation": ("bipu", 0.0, 1.0)}, "activation"),
        ("forward", {"activation": ("bipu", 2.0)}, "activation"),
        ("forward", {"activation": ("bipu", 2.0, "d")}, "activation"),
        ("forward", {"x": None}, "x"),
        ("power_sums", {"p": 0.0}, "p"),
        ("power_sums", {"p": -1.0}, "p"),
        ("power_sums", {"p": "2"}, "p"),
        ("power_sums", {"axis": 2}, "axis"),
        ("power_sums", {"axis": None}, "weights"),
        ("norms", {"p": -2.0}, "p"),
        ("norms", {"axis": -1}, "axis"),
        ("ema", {"alpha": 1.5}, "alpha"),
        ("ema", {"alpha": -0.5}, "alpha"),
        ("ema", {"of": "cube"}, "of"),
        ("ema", {"of": 1}, "of"),
        ("ema", {"a": np.zeros((0, IN))}, "a"),
        ("gain_rule", {"lr": -0.1}, "lr"),
        ("gain_rule", {"limit": -1.0}, "limit"),
        ("gain_rule", {"limit": 0.0}, "limit"),
        ("gain_rule", {"form": "cubic"}, "form"),
    ],
)
def test_parameters(function, arguments, name):
    (case,) = (case for case in CASES if case.name == function)
    refused(case, {**case.arguments(), **arguments}, (ValueError, TypeError), name)


def test_parameters_in_float32():
    """A number that is finite in Python and not in the arrays' type."""
    w = np.ones((2, 2), np.float32)
    for call in (
        lambda: hk.rank1(w, 1e39, 1),
        lambda: hk.rank1(w, None, None, low=-1e39),
        lambda: hk.scale(w, 1e39),
        lambda: hk.gain_rule(w, 1, 1, 1e39),
        lambda: hk.gain_rule(w, 1, 1, 0.1, limit=1e-60),
    ):
        with pytest.raises(ValueError, match="float32|finite"):
            call()
    assert (w == 1).all()


def test_threads():
    before = hk.get_num_threads()
    for bad in (0, -1, 1025, 10**30):
        with pytest.raises(ValueError, match="1 to 1024"):
            hk.set_num_threads(bad)
    for bad in (2.0, "2", None, True):
        with pytest.raises(TypeError, match="integer"):
            hk.set_num_threads(bad)
    assert hk.get_num_threads() == before
