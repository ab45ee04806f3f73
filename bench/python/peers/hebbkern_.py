"""hebbkern itself, from Python."""

import hebbkern as hk
from hebbkern.bench.ours import FORMS  # noqa: F401

from . import THREADS

hk.set_num_threads(THREADS)


def versions() -> dict:
    return {"hebbkern": hk.__version__, **hk.cpu_info()}
