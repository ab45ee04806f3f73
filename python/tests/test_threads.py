"""Threads: of Python calling at once, of the pool, and as threadpoolctl sees them."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import threadpoolctl

import hebbkern as hk


@pytest.fixture(autouse=True)
def same_threads():
    before = hk.get_num_threads()
    yield
    hk.set_num_threads(before)


def test_set_and_get():
    for n in (1, 2, 5, np.int64(3)):
        hk.set_num_threads(n)
        assert hk.get_num_threads() == n == hk.cpu_info()["threads"]


@pytest.mark.parametrize(
    "variables, want",
    [
        ({"HEBBKERN_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"HEBBKERN_NUM_THREADS": "nonsense", "OMP_NUM_THREADS": "4,2"}, 4),
        ({}, os.cpu_count()),
    ],
)
def test_environment(variables, want):
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", "import hebbkern as hk; print(hk.get_num_threads())"]
    shown = subprocess.run(command, env={**clean, **variables}, capture_output=True, text=True, check=True)
    assert int(shown.stdout) == want


def test_environment_set_in_python():
    """Before the import, in the process itself: the library alone would see what the process was started with."""
    script = "import os; os.environ['OMP_NUM_THREADS'] = '3'; import hebbkern as hk; print(hk.get_num_threads())"
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    shown = subprocess.run([sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=True)
    assert int(shown.stdout) == 3


def test_calls_from_several_threads():
    """Each thread its own weights, all the same inputs, small and large calls mixed, the thread count changing."""
    random = np.random.default_rng(0)
    g, x = random.standard_normal(300).astype(np.float32), random.standard_normal(400).astype(np.float32)
    small = x[:20]

    def work():
        w, v = np.zeros((300, 400), np.float32), np.zeros((20, 20), np.float32)
        for _ in range(60):
            hk.rank1(w, g, x, decay=0.01)
            hk.rank1(v, small, small, decay=0.01)
            hk.scale(w, 0.9)
        sums.append((w.tobytes(), v.tobytes(), hk.power_sums(w, 2.5, axis=None)[1].tobytes()))

    sums = []
    work()
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for n in (1, 2, 3):
            hk.set_num_threads(n)
    for thread in threads:
        thread.join()
    assert len(sums) == 7 and all(result == sums[0] for result in sums)


def test_long_calls_let_other_threads_run():
    w = np.ones((3000, 3000))
    done = threading.Event()

    def long_call():
        hk.power_sums(w, 2.7)
        done.set()

    ticks = 0
    thread = threading.Thread(target=long_call)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.0005)
    thread.join()
    assert ticks >= 3, "the lock was held during the call"


def test_threadpoolctl():
    (pool,) = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "hebbkern"]
    assert pool["num_threads"] == hk.get_num_threads() and pool["version"] == hk.__version__
    assert pool["isa"] == hk.cpu_info()["isa"]
    hk.set_num_threads(3)
    with threadpoolctl.threadpool_limits(limits=1, user_api="hebbkern"):
        assert hk.get_num_threads() == 1
    assert hk.get_num_threads() == 3
    with threadpoolctl.threadpool_limits(limits=2):
        assert hk.get_num_threads() == 2
    assert hk.get_num_threads() == 3
