"""Ctrl-C in minibatches that take long: another thread makes the step, and is told to give it up."""

import ctypes
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from test_checkpoints import everything, task

import hebbkern as hk
from hebbkern import _fit, _header, _train
from hebbkern._lib import native


def make(**options):
    return hk.Network([5, 7, 4, 3], loss="softmax", seed=3, **options)


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam", "feedback": "dfa"}])
def test_a_long_step_is_given_up(monkeypatch, options):
    X, Y = task()
    fit = dict(epochs=2, batch=20, lr=0.05, progress=False, gain_rule={"lr": 1e-4} if not options else None)
    straight, net = make(**options), make(**options)
    straight.fit(X, Y, **fit)
    monkeypatch.setattr(_train, "_limit", lambda: 0)
    through = make(**options)
    through.fit(X, Y, **fit)
    assert everything(through) == everything(straight)

    waits = iter(range(10**6))

    class Event(threading.Event):
        def wait(self, timeout=None):
            if next(waits) == 2:
                raise KeyboardInterrupt
            return super().wait(timeout)

    # Thread itself waits for an Event when it starts.
    monkeypatch.setattr(_fit, "threading", SimpleNamespace(**{**vars(threading), "Event": Event}))
    with pytest.raises(hk.Interrupted):
        for _ in range(9):
            net.fit(X, Y, **{**fit, "epochs": 1})
    monkeypatch.undo()
    assert net.epoch < 3 and net.position in (0, 20, 40, 60), "as far as the thread came before it was told"
    net.fit(X, Y, **{**fit, "epochs": 3 - net.epoch})
    straight.fit(X, Y, **{**fit, "epochs": 1})
    assert everything(net) == everything(straight)


def test_the_library_looks_at_stop():
    X, Y = task()
    net = make()
    before = everything(net)
    call = _train.Call(net, "test")
    args = call.train(X, net._targets(Y, 60, "test"), np.arange(60), 20, 0.1)
    stop, at, error = ctypes.c_int32(1), ctypes.c_int64(0), _header.Error()
    args.stop = ctypes.pointer(stop)
    assert native.library.hk_train(ctypes.byref(args), ctypes.byref(at), ctypes.byref(error)) == _header.MORE
    assert at.value == 0 and call.stats.samples == 0 and everything(net) == before
    stop.value = 0
    assert native.library.hk_train(ctypes.byref(args), ctypes.byref(at), ctypes.byref(error)) == _header.OK
    assert at.value == 60 and call.stats.samples == 60 and everything(net) != before


def test_what_is_long():
    wide = hk.Network([1000, 1000, 10])
    portable = hk.cpu_info()["isa"] == "portable"
    assert _train.Call(wide, "test").long(64) == portable and not _train.Call(wide, "test").long(1)
    wide.gains = []
    assert _train.Call(wide, "test").long(2048)  # all its samples at once
