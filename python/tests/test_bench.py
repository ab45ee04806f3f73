"""The quick benchmark, its workloads, and the command line's `bench` and `info`."""

import subprocess
import sys

import numpy as np
import pytest

import hebbkern as hk
from hebbkern.__main__ import main
from hebbkern._lib import LIBRARY
from hebbkern.bench import arrays, in_numpy, ours, quick, sequences, workloads
from hebbkern.bench.workloads import WORKLOADS

SMALL = {2: (12, 20), 1: (33,), 5: (2, 3, 7, 4, 3)}


def small(workload, dtype=np.float32):
    inputs = workload.inputs(SMALL[len(workload.shapes[0])], dtype)
    for name in ("X", "Y", "G", "X_free", "Y_free", "modulator", "pre", "post"):
        if name in inputs and workload.form not in ("forward", "batch"):
            inputs[name] = inputs[name][:150]  # two blocks and a part of one
    if workload in sequences.RULES and "lr" in inputs:
        inputs["lr"] /= 10  # the rates are for longer samples
    return inputs


def outcome(workload, step, inputs):
    returned = step()
    held = [inputs[name] for name in workload.outputs if name in inputs]
    return held or list(returned if isinstance(returned, tuple) else (returned,))


def copied(inputs):
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in inputs.items()}


def forms():
    for library in (in_numpy, ours):
        for workload in WORKLOADS:
            for name in library.FORMS.get(workload.form, {}):
                yield pytest.param(library, workload, name, id=f"{library.__name__[9:]}-{workload.name}-{name}")


@pytest.mark.parametrize(("library", "workload", "name"), list(forms()))
def test_every_form_is_right(library, workload, name):
    for dtype in (np.float32, np.float64):
        inputs = small(workload, dtype)
        work = copied(inputs)
        step = library.FORMS[workload.form][name](work)
        error = workload.error(inputs, outcome(workload, step, work), workload.expected(inputs))
        assert error < (workload.tolerance if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_doing_nothing_and_a_small_fault_are_wrong(workload):
    inputs = small(workload)
    expected = workload.expected(inputs)
    idle = [inputs.get(name, np.zeros_like(e)) for name, e in zip(workload.outputs, expected)]
    assert workload.error(inputs, idle, expected) >= 0.99
    for fault in (1.02, np.nan):  # one element, by a fiftieth of the largest change
        results = [e.copy() for e in expected]
        at = np.unravel_index(np.abs(results[-1] - idle[-1]).argmax(), results[-1].shape)
        results[-1][at] = idle[-1][at] + fault * (results[-1][at] - idle[-1][at])
        assert workload.error(inputs, results, expected) > workload.tolerance
    with pytest.raises(ValueError, match="wanted"):
        workload.error(inputs, [r[1:] for r in idle], expected)


def test_an_error_far_inside_a_large_array_is_seen():
    workload = workloads.BY_NAME["rank-1"]
    inputs = workload.inputs((300, 400))
    (expected,) = workload.expected(inputs)
    for fault in (np.nan, np.inf, 1.0):
        result = expected.copy()
        result[280, 7] += fault
        assert workload.error(inputs, [result], [expected]) > 1


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_repeated_steps_stay_ordinary_numbers(workload):
    inputs = small(workload)
    for name, make in list(in_numpy.FORMS.get(workload.form, ours.FORMS.get(workload.form, {})).items())[:1]:
        work = copied(inputs)
        step = make(work)
        for _ in range(3 if workload in sequences.WORKLOADS else 20 if workload.samples((64, 784)) > 1 else 3000):
            step()
        for output in workload.outputs:
            values = np.abs(work[output]) if output in work else np.ones(1)
            assert np.isfinite(values).all() and values.max() < 1e3, name
            assert (values[values > 0] > 1e-30).all(), name


@pytest.mark.parametrize("name", ["oja", "softhebb", "wta", "stdp"])
def test_references_of_online_rules_are_the_rules(name):
    """Sample by sample in plain NumPy, from the equations."""
    workload = next(w for w in WORKLOADS if w.form == name)
    a = small(workload, np.float64)
    w = a["w"].copy()
    if name == "stdp":
        x, y = np.zeros(w.shape[1]), np.zeros(w.shape[0])
        for pre, post in zip(a["pre"], a["post"]):
            x, y = x * np.exp(-1 / a["tau"]), y * np.exp(-1 / a["tau"])
            w = np.where(pre > 0, np.clip(w + y[:, None], 0, 1), w)
            x += a["a_plus"] * pre
            w = np.where(post[:, None] > 0, np.clip(w + x, 0, 1), w)
            y += a["a_minus"] * post
    for x in a.get("X", ()):
        u = w @ x
        if name == "oja":
            w += a["lr"] * (np.outer(u, x) - (u**2)[:, None] * w)
        elif name == "softhebb":
            y = np.exp(u / a["temperature"]) / np.exp(u / a["temperature"]).sum()
            w += a["lr"] * y[:, None] * (x - u[:, None] * w)
        else:
            i = u.argmax()
            w[i] += a["lr"] * (x - w[i])
    np.testing.assert_allclose(workload.expected(a)[0], w, rtol=0, atol=1e-12)
    assert np.abs(w - a["w"]).max() > 1e-3


def test_measures_both_sides():
    rows = list(quick.measure(shapes=tuple(SMALL.values()), rounds=1, slice_=1e-4))
    measured = [w for w in WORKLOADS if w.quick]
    assert [r.workload.name for r in rows] == [w.name for w in measured]
    for row in rows:
        assert 0 < row.numpy < 1
        assert row.hebbkern is not None or row.workload.form == "np.add"
    text = list(quick.lines(iter(rows)))
    assert len(text) == len(rows) + 1 and all(w.name in line for w, line in zip(measured, text[1:]))


def test_a_wrong_result_is_not_timed(monkeypatch):
    monkeypatch.setitem(ours.FORMS, "scale", {"nothing": lambda a: lambda: None})
    with pytest.raises(quick.BenchError, match="scale: hebbkern, nothing, has the error"):
        list(quick.measure("scale", shapes=((4, 4),), rounds=1))


def test_arrays_start_at_a_cache_line():
    for shape in ((1,), (3, 5), (1000, 1000)):
        array = arrays.empty(shape, np.float32)
        assert array.ctypes.data % 64 == 0 and array.shape == shape and array.flags.c_contiguous


def test_command_line_bench():
    command = [sys.executable, "-m", "hebbkern", "bench", "--threads", "2", "--only", "EMA"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, head, *rows = done.stdout.splitlines()
    assert hk.cpu_info()["isa"] in first and first.endswith("threads: 2")
    assert head.split() == ["size", "hebbkern", "NumPy", "NumPy/hebbkern"]
    assert [r.split()[:2] for r in rows] == [["EMA", "8"], ["EMA", "65536"]]
    assert all(float(r.split()[-1]) > 0 for r in rows)


@pytest.mark.parametrize("arguments", [["--threads", "0"], ["--threads", "two"], ["extra"]])
def test_command_line_bench_refuses(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", *arguments])
    assert stop.value.code == 2 and arguments[-1] in capsys.readouterr().err


def test_command_line_info(capsys):
    assert main(["info"]) == 0
    said = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    info = hk.cpu_info()
    assert said["isa:"] == info["isa"] and said["version:"] == info["version"] and said["library:"] == str(LIBRARY)
    assert said["threads:"] == str(info["threads"]) and said["features:"].split() == info["features"]


def test_workloads_have_names_of_their_own():
    assert len(workloads.BY_NAME) == len(WORKLOADS)
