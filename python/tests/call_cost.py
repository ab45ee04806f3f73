"""Prints what a call costs, in microseconds: python tests/call_cost.py"""

import timeit

import numpy as np

import hebbkern as hk
from hebbkern._lib import native


def cost(statement, **names):
    timer = timeit.Timer(statement, globals={"hk": hk, "native": native, **names})
    count, _ = timer.autorange()
    best = min(timer.repeat(7, max(1, count // 4))) / max(1, count // 4) * 1e6
    print(f"{best:9.2f} us   {statement}")


for size in (4, 64, 256):
    w, g, x = (np.ones(shape, np.float32) for shape in ((size, size), size, size))
    X, s = np.ones((8, size), np.float32), np.zeros(size, np.float32)
    print(f"{size} x {size} float32, {hk.cpu_info()['isa']}")
    names = {"w": w * 0, "g": g, "x": x, "s": s, "X": X}
    cost("native.ema(s, x, 0.5, 0)", **names)
    cost("hk.ema(s, x, 0.5)", **names)
    cost("hk.rank1(w, g, x)", **names)
    cost("hk.rank1(w, g, x, decay=0.5, low=-1, high=1)", **names)
    cost("hk.scale(w, g, x)", **names)
    cost("hk.forward(w, x)", **names)
    cost("hk.forward(w, X)", **names)
    cost("hk.power_sums(w)", **names)
    cost("hk.gain_rule(w, g, x, 0.1)", **names)
