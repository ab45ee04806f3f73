"""The forms that balancing is compared with reach the same weights."""

import balancing
import hebbkern as hk
import numpy as np
import pytest


@pytest.mark.parametrize("p", [1.0, 2.0, 1.3])
def test_the_forms_agree(p):
    start = balancing.uniform([(12, 9), (7, 12), (4, 7)], seed=3)
    ours, theirs, by_neuron = ([w.copy() for w in start] for _ in range(3))
    hk.balance(ours, p=p)
    assert balancing.in_numpy(theirs, p) > 1
    for _ in range(200):
        balancing.one_sweep_by_neuron(by_neuron, p)
    for a, b, c in zip(ours, theirs, by_neuron):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(a, c, rtol=1e-4, atol=1e-7)
    assert balancing.still_to_do(ours, p) < 1e-6 < balancing.still_to_do(start, p)
