"""The examples in the docstrings, and that everything public is documented."""

import doctest
import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest

import hebbkern as hk

# the library is no module of Python, importing __main__ would run it, and torch is tested by `make test-torch`
MODULES = sorted({m.name for m in pkgutil.iter_modules(hk.__path__)} - {"libhebbkern", "__main__", "torch"})
MODULES += sorted(f"rules.{m.name}" for m in pkgutil.iter_modules(hk.rules.__path__))


@pytest.mark.parametrize("name", ["hebbkern", *(f"hebbkern.{name}" for name in MODULES)])
def test_examples(name):
    with np.printoptions(legacy=False):
        result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.failed == 0


@pytest.mark.parametrize("name", hk.__all__)
def test_everything_public_is_documented(name):
    thing = getattr(hk, name)
    assert isinstance(thing, str) or thing.__doc__
    shown = (hk.Network, hk.rules, *(k for k in vars(hk.rules).values() if isinstance(k, type) and k is not hk.rules.Rule))
    if (callable(thing) and not isinstance(thing, type)) or thing in shown:
        assert ">>>" in thing.__doc__, "an example that runs"


RULES = set(k for k in vars(hk.rules).values() if isinstance(k, type)) - {hk.rules.Rule, hk.rules.Composition}


def test_the_rules_are_found():
    assert len(RULES) >= 24


@pytest.mark.parametrize("rule", sorted(RULES, key=lambda rule: rule.__name__), ids=lambda rule: rule.__name__)
def test_a_rule_has_its_equation_its_source_and_its_peers(rule):
    about = inspect.getdoc(rule).split("Parameters\n----------")[0]
    assert re.search(r"``[^`]*η[^`]*``|^    .*←", about, re.M), "the equation"
    assert re.search(r"\b(19|20)\d\d\b", inspect.getdoc(rule)), "the year of a paper"
    peers = re.findall(r"^Other libraries: (?:.|\n(?!\n))+", about, re.M)
    assert len(peers) == 1, "one paragraph on other libraries"
    assert re.search(r"\w+\.(py|h|java)\b|MATLAB's learn\w+", peers[0]), "where it says so"
