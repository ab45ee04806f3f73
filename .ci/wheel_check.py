"""Uses the installed package from another folder; `make test-wheel` runs it in a clean environment."""

import importlib.metadata
import sys

import numpy as np

import hebbkern as hk

w = np.zeros((3, 5), np.float32)
g, x = np.array([1, 2, 3], np.float32), np.array([1, 0, -1, 0.5, 2], np.float32)
hk.rank1(w, g, x)
np.testing.assert_array_equal(w, np.outer(g, x))
np.testing.assert_array_equal(hk.forward(w, x), [6.25, 12.5, 18.75])

from hebbkern.datasets import load_digits  # noqa: E402

assert load_digits()[0].shape == (1797, 64)
required = [r for r in importlib.metadata.requires("hebbkern") or [] if "extra" not in r]
assert len(required) == 1 and required[0].startswith("numpy"), f"numpy is the one required dependency, found {required}"
for module in ("tqdm", "matplotlib"):
    assert module not in sys.modules, f"import hebbkern loads {module}"
from hebbkern.__main__ import main  # noqa: E402

assert main(["info"]) == 0 and main(["bench", "--only", "EMA"]) == 0
info = hk.cpu_info()
print(f"   hebbkern {info['version']} ({info['isa']}) in a clean environment")
