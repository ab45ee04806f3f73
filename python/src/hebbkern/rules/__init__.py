"""Hebbian learning rules.

A rule holds its parameters; the weights are the caller's array and change in place:

>>> import numpy as np, hebbkern as hk
>>> rule = hk.rules.Oja(lr=0.1)
>>> w = np.array([[0.6, 0.8]])
>>> y = rule.update(w, [1.0, 0.0])
>>> y, w
(array([0.6]), array([[0.6384, 0.7712]]))

Every ``update`` takes one sample or a batch, and three reductions:

``"sequential"``
    Sample after sample, each seeing the weights that the one before left: a batch has the bits of single calls.
``"sum"``, ``"mean"``
    All y from the weights before the batch, then one update by the sum or the mean of the samples' Δw. It acts on the
    whole Δw, so ``"sum"`` of a rule with decay decays by B times λ. Other libraries sum or average without a word: each
    rule says under "Other libraries" what theirs do, and in which file; mind it when learning rates are compared.

State that a rule has (thresholds, averages, the activity before, traces) is in public arrays of the rule. It is read as it
was before a sample and takes the sample after the weights have; "sum" and "mean" hold it during the batch and give it
the batch mean once. It persists over calls, so a sequence that is stopped and taken up again has the bits of one that
was not; save the arrays with w, assign them to take up again, and call ``reset()`` to forget them.

A sequence may run in blocks (``block=``): equal in real arithmetic to one sample at a time, at the speed of matrix
products. Within a block of B samples, W = A W₀ + C X, where A acts on rows; so the y of each sample follows from
V = W₀ Xᵀ and K = X Xᵀ, and W is read and written once a block. Blocks of 16 to 32 are good for few rows, of 64 to 256
for large W; for `Sanger` of 256 to 1024.

Every rule may be joined with bounds, masks, signs, a drift, rates by row and weight normalisation, which are keywords of its
constructor and attributes: see `Composition`. Its ``lr`` may be a schedule: see `hebbkern.schedules`. Those of spikes have
bounds and a weight dependence of their own beside these, which act at each spike.

>>> rule = hk.rules.Oja(lr=0.1, bound=(0, 0.7), mask=[[True, False]])
>>> w = np.array([[0.6, 0.8]])
>>> y = rule.update(w, [1.0, 0.0])
>>> w  # the mask keeps 0.8 from learning, and the bound holds for it, too
array([[0.6384, 0.7   ]])
"""

from __future__ import annotations

from .._compose import Composition as Composition
from ._base import Rule as Rule
from ._basic import Decay as Decay
from ._basic import Hebb as Hebb
from ._basic import Oja as Oja
from ._basic import Sanger as Sanger
from ._competitive import WTA as WTA
from ._competitive import Instar as Instar
from ._competitive import KrotovHopfield as KrotovHopfield
from ._competitive import SoftHebb as SoftHebb
from ._contrastive import ContrastiveHebbian as ContrastiveHebbian
from ._custom import Custom as Custom
from ._foldiak import Foldiak as Foldiak
from ._gated import ABCD as ABCD
from ._gated import PES as PES
from ._gated import AntiHebbian as AntiHebbian
from ._gated import Outstar as Outstar
from ._gated import PostGated as PostGated
from ._gated import PreGated as PreGated
from ._gated import Voja as Voja
from ._spiking import STDP as STDP
from ._spiking import TripletSTDP as TripletSTDP
from ._thresholds import BCM as BCM
from ._thresholds import Covariance as Covariance
from ._thresholds import DifferentialHebbian as DifferentialHebbian
from ._three_factor import ThreeFactor as ThreeFactor
