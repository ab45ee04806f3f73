"""The examples in the docstrings, and that everything public is documented."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import hebbkern as hk

# the library is no module of Python, importing __main__ would run it, and torch is tested by `make test-torch`
MODULES = sorted({m.name for m in pkgutil.iter_modules(hk.__path__)} - {"libhebbkern", "__main__", "torch"})
MODULES += sorted(f"rules.{m.name}" for m in pkgutil.iter_modules(hk.rules.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    with np.printoptions(legacy=False):
        result = doctest.testmod(importlib.import_module(f"hebbkern.{name}"), raise_on_error=False)
    assert result.failed == 0


@pytest.mark.parametrize("name", hk.__all__)
def test_everything_public_is_documented(name):
    thing = getattr(hk, name)
    assert isinstance(thing, str) or thing.__doc__
    shown = (hk.Network, hk.rules, *(k for k in vars(hk.rules).values() if isinstance(k, type) and k is not hk.rules.Rule))
    if (callable(thing) and not isinstance(thing, type)) or thing in shown:
        assert ">>>" in thing.__doc__, "an example that runs"
