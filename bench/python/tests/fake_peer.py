"""Peers for the tests of the suite: python fake_peer.py KIND, served as worker.py serves a real one."""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
from peers import Held  # noqa: E402
from worker import serve  # noqa: E402


def right(a):
    w, g, x = a["w"], a["g"], a["x"]

    def step():
        w[...] += np.outer(g, x)

    return step


def slow(a):
    step = right(a)

    def late():
        time.sleep(0.002)
        step()

    return late


def held(a):
    box = []

    def step():
        box[0] = box[0] + np.outer(a["g"], a["x"])

    return Held(step, lambda: box.__setitem__(slice(None), [a["w"].copy()]), lambda: [box[0]])


def half(a):
    w, g, x = a["w"], a["g"], a["x"]

    def step():
        w[...] += np.outer(g, x) * np.float32(0.9)

    return step


def shape(a):
    return lambda: a["w"][1:]


def absent(a):
    raise NotImplementedError("this version has no such thing")


def broken(a):
    raise RuntimeError("no memory")


def crash(a):
    return lambda: os._exit(3)


def sums(a):
    return lambda: ((abs(a["w"]) ** a["p"]).sum(1), (abs(a["w"]) ** a["p"]).sum(0))


def loud(a):
    print("a line that a library prints")
    os.write(1, b"and another, from C\n")
    return right(a)


KINDS = {
    "right": {"rank1": {"in place": right, "slow": slow}, "power_sums": {"returned": sums}},
    "held": {"rank1": {"held": held}},
    "wrong": {
        "rank1": {"nothing": lambda a: lambda: None, "nine tenths": half, "in place": right},
        "power_sums": {"shape": shape},
    },
    "unable": {"rank1": {"absent": absent, "broken": broken}},
    "crash": {"rank1": {"in place": right, "crash": crash, "too": right}},
    "loud": {"rank1": {"loud": loud}},
}


def load():
    if sys.argv[1] not in KINDS:
        raise ImportError(f"No module named {sys.argv[1]!r}\nand more lines")
    return SimpleNamespace(FORMS=KINDS[sys.argv[1]], versions=lambda: {"fake": "1"})


serve(load)
