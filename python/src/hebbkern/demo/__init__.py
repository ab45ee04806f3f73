"""The demo on handwritten digits: what ``python -m hebbkern demo`` runs.

It may hold what shows the library: data in, learning through the public functions, pictures and a report out. Numeric
loops belong to the kernels; the one exception is `numpy_reference`, the same steps in NumPy, that the times are
compared with.
"""

from __future__ import annotations

from ._run import run
from ._writer import DemoError, Writer

__all__ = ["DemoError", "Writer", "run"]
