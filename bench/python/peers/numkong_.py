"""NumKong, SimSIMD's successor: its blend is a moving average, its packed dot products are a forward pass. No threads."""

import importlib.metadata

import numkong
import numpy as np


def ema(a):
    s, new, alpha = a["s"], a["a"], a["alpha"]
    return lambda: numkong.blend(s, new, alpha=1 - alpha, beta=alpha, out=s)


def forward(a):
    """The samples are packed, since weights change between two forward passes."""
    w, x = a["w"], a["X"]

    def step():
        return np.asarray(numkong.dots_packed(w, numkong.dots_pack(x))).T

    return step


FORMS = {"ema": {"blend": ema}, "forward": {"dots_packed": forward}}


def versions() -> dict:
    return {"numkong": importlib.metadata.version("numkong")}
