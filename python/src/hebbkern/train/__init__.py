"""Training from a configuration file: what ``python -m hebbkern train config.toml`` runs.

The file is TOML; paths in it are relative to its folder. A key that is not known is an error. ::

    [data]
    train = "digits.npz"        # NPZ or CSV with x and y in it, or a pair ["x.npy", "y.npy"] of NPY, IDX (.gz too) or CSV
    test = "other.npz"          # optional, of the same form
    hold_out = 0.2              # or this share of the training samples, drawn by `seed`
    x = "images"                # names in an NPZ ("x" and "y"); in a CSV, y is the name or number of a column (the last)
    y = "labels"
    classes = true              # y are labels (if they are integers or words), not numbers
    scale = 16.0                # x is divided by it
    standardize = false         # x - mean, divided by the standard deviation, both of the training samples
    dtype = "float32"
    seed = 0

    [[layers]]                  # Hebbian layers, from below; each learns on what those below make of x
    units = 64
    rule = "SoftHebb"           # of hebbkern.rules; its parameters and the options of its update are keys here too
    lr = 0.01
    activation = "relu"
    epochs = 3
    batch = 500                 # samples a call (all of them)
    seed = 1                    # of the weights and of the order of samples (its place in the list)

    [network]                   # above them, or alone; the parameters of hk.Network
    hidden = [32]
    loss = "softmax"

    [fit]                       # the parameters of hk.Network.fit
    epochs = 20
    lr = 0.1
    balance = {p = 1, before = true}

    [run]
    folder = "run"              # for the files that are written
    save_every = 1              # epochs

It writes ``run.hk`` (a checkpoint with all that the run needs to go on: the same command resumes), ``curves.csv``,
``curves.png`` (with matplotlib installed), ``report.md``, and at the end ``network.hk`` and ``layers.hk`` for
`hebbkern.Network.load` and `hebbkern.Stack.load`.
"""

from __future__ import annotations

from ._config import Config, TrainError, read_config
from ._run import run

__all__ = ["Config", "TrainError", "read_config", "run"]
