"""SimSIMD: the weighted sum of two vectors is a moving average. It has no threads."""

import importlib.metadata

import simsimd


def ema(a):
    s, new, alpha = a["s"], a["a"], a["alpha"]
    return lambda: simsimd.wsum(s, new, alpha=1 - alpha, beta=alpha, out=s)


FORMS = {"ema": {"wsum": ema}}


def versions() -> dict:
    return {"simsimd": importlib.metadata.version("simsimd")}
