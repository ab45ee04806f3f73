"""Runs that Python has begun go on in Go, and the other way round, with the same bits."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_checkpoints import everything, same, task

import hebbkern as hk

ROOT = Path(__file__).resolve().parents[2]

GO = """
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hebbkern/hebbkern/engine"
	"github.com/hebbkern/hebbkern/kernels"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// train is an epoch as in `goes_on_in_go`, on the samples beside the files.
func train(s *engine.NetworkState[float32]) {
	c, err := engine.LoadCheckpoint(filepath.Join(filepath.Dir(os.Args[1]), "data.hk"))
	check(err)
	x, target := c.Tensor("x"), c.Tensor("target")
	if s.Best == nil {
		s.Best = new(engine.Best[float32])
	}
	o := s.FitOptions()
	o.LR, o.Batch, o.Epochs = 0.01, 8, s.Epoch+1
	o.ValidX = kernels.MatrixOf(x.Data.([]float32)[:20*5], 20, 5)
	o.ValidTarget = kernels.MatrixOf(target.Data.([]float32)[:20*3], 20, 3)
	o.Patience = 9
	o.Balance, o.BalanceEvery = &engine.BalanceOptions{P: 2}, 2
	if s.Gains != nil {
		o.Gain = &engine.GainTraining[float32]{Sigma: s.Gains, LR: 1e-4, Alpha: 0.1, Reduction: engine.Mean}
	}
	if o.Living != nil {
		o.Living.Samples, o.Living.Steps = 30, 3
		for _, life := range o.Living.Lives[1:3] {
			life.Grow, life.Maximum, life.How = 2, 12, engine.DeathMasks
			if o.Living.Inputs != nil {
				life.How = engine.DeathCompacts
			}
		}
		o.Living.Lives[0].How = o.Living.Lives[1].How
	}
	_, err = engine.Fit(s.Network, kernels.MatrixOf(x.Data.([]float32), x.Shape[0], 5), kernels.MatrixOf(target.Data.([]float32), x.Shape[0], 3), o)
	check(err)
	s.Epoch, s.Position = s.Epoch+1, 0
}

// Trains what the first file holds by two epochs, and writes a network of its own.
func main() {
	s, err := engine.LoadNetwork[float32](os.Args[1])
	check(err)
	x, target := kernels.NewMatrix[float32](6, 3), kernels.NewMatrix[float32](6, 2)
	for i := range x.Data {
		x.Data[i] = float32(i%7) / 4
	}
	for i := range target.Rows {
		target.Data[2*i+i%2] = 1
	}
	_, err = engine.Fit(s.Network, x, target, engine.FitOptions[float32]{
		Trainer: engine.Trainer[float32]{Loss: s.Loss, LR: 0.25, Batch: 4}, Seed: s.Seed, From: s.Epoch, Epochs: s.Epoch + 2})
	check(err)
	s.Epoch += 2
	s.Updates += 2 * 2
	check(s.Save(os.Args[2]))
	n, err := engine.NewLayered[float64]([]int{4, 3, 2}, kernels.Activation{Kind: kernels.LeakyReLU, Slope: 0.25}, 11)
	check(err)
	check((&engine.NetworkState[float64]{Network: n, Seed: 11, Loss: engine.SoftmaxCrossEntropy}).Save(os.Args[3]))
	stack, err := engine.LoadStack[float32](os.Args[4], nil)
	check(err)
	_, _, err = stack.Learn(x, -1, engine.UpdateOptions[float32]{Block: 4})
	check(err)
	check(stack.Save(os.Args[5]))
	for _, path := range os.Args[6:] { // layers with each rule, which learn from 8 samples more
		c, err := engine.LoadCheckpoint(path)
		check(err)
		if c.Metadata["kind"] == "network" { // and networks that are read and written, or trained by an epoch
			n, err := engine.LoadNetwork[float32](path)
			check(err)
			if strings.Contains(filepath.Base(path), "train") {
				train(n)
			}
			check(n.Save(path))
			continue
		}
		layer, err := engine.LoadLayer[float32](path, nil)
		check(err)
		x, y := kernels.NewMatrix[float32](8, 5), kernels.Matrix[float32]{}
		for i := range x.Data {
			x.Data[i] = float32(i%11)/8 - 0.5
		}
		if name := layer.Rule.Name(); name == "PES" || name == "Voja" {
			y = kernels.NewMatrix[float32](8, 4)
			for i := range y.Data {
				y.Data[i] = float32(i%7) / 8
			}
		}
		o := engine.UpdateOptions[float32]{}
		if layer.Rule.Name() == "KrotovHopfield" {
			o.Reduction = engine.Sum
		}
		_, _, err = layer.Learn(x, y, o)
		check(err)
		check(layer.Save(path))
	}
	fmt.Println(s.Loss, s.Seed, s.Epoch)
}
"""


def layers_of_all_rules():
    """A layer with each of the rules that Go has, with their numbers and vectors in all forms."""
    r = hk.rules
    rules = [
        r.Hebb(lr=0.1), r.Decay(lr=0.1, decay=0.01), r.Oja(lr=0.1), r.Sanger(lr=0.1), r.Instar(lr=0.1), r.Outstar(lr=0.1),
        r.PreGated(lr=0.1, theta=0.25), r.PreGated(lr=0.1, theta=np.full(4, 0.5, np.float32)), r.PostGated(lr=0.1, theta=0.5),
        r.Covariance(lr=0.1, alpha=0.1), r.BCM(lr=0.01, alpha=0.1), r.BCM(lr=0.01, alpha=0.1, form="law"),
        r.BCM(lr=0.01, alpha=0.1, form="1982"), r.DifferentialHebbian(lr=0.1), r.DifferentialHebbian(lr=0.1, pre=True),
        r.AntiHebbian(lr=0.1), r.ABCD(lr=0.1, a=1.0, b=0.5, c=-0.5, d=0.25), r.KrotovHopfield(lr=0.1), r.WTA(lr=0.1, k=2),
        r.SoftHebb(lr=0.1, temperature=2.0), r.Voja(lr=0.1), r.PES(lr=0.1),
    ]  # fmt: skip
    return [hk.Layer(5, 4, rule, seed=k) for k, rule in enumerate(rules)]


def learn_as_in_go(layer):
    x = (np.arange(40, dtype=np.float32) % 11 / 8 - 0.5).reshape(8, 5)
    y = (np.arange(32, dtype=np.float32) % 7 / 8).reshape(8, 4)
    layer.learn(x, y) if isinstance(layer.rule, (hk.rules.Voja, hk.rules.PES)) else layer.learn(x)


def layers_with_constraints():
    """What a rule may be joined with, in all forms that a file has, and windowed gains."""
    r, high = hk.rules, np.linspace(0.2, 0.6, 20).reshape(4, 5)
    mask, sign = np.arange(20).reshape(4, 5) % 3 > 0, np.array([1, -1, 0, 1, 1])
    rules = [
        r.Hebb(lr=0.1, bound=(-0.5, 0.5)), r.Hebb(lr=0.1, bound=(None, high), mask=mask), r.Oja(lr=0.1, sign=sign, bound=(-0.4, high)),
        r.Hebb(lr=0.1, bound=(-1, 1), soft=True, sign=sign), r.Decay(lr=0.1, decay=0.01, bound=(-1, 1), soft=True, bistable=(0.01, 0.3)),
        r.Oja(lr=0.1, sign=np.where(mask, 1, 0), row_lr=[1, 0.5, 0.25, 2]), r.Hebb(lr=0.1, normalize_weights=np.inf, row_lr=0.5),
        r.Hebb(lr=0.1, normalize_weights=hk.WeightNorm(2, 1.5, "subtractive"), mask=mask),
    ]  # fmt: skip
    gain = lambda k: hk.gains.Windowed(4, window=5 + k, of="derivative", activation="tanh") if k % 2 else None
    return [hk.Layer(5, 4, rule, "tanh", gain(k), seed=k) for k, rule in enumerate(rules)]


TRAINED = {
    "adam": ({"optimizer": "adam", "dropout": 0.3, "weight_decay": (1e-3, 1.5), "loss": "softmax"}, {}),
    "nesterov": ({"optimizer": {"name": "nesterov", "momentum": 0.8}, "feedback": "fa", "beta": 0.3}, {}),
    "fa_ex": ({"optimizer": "momentum", "feedback": "fa_ex", "excitatory": 0.8, "loss": "sigmoid", "dropout": [0.1, 0, 0.2]}, {}),
    "differential": ({"feedback": "dfa", "gate": "differential", "activation": ["relu", ("leaky_relu", 0.1), "sigmoid"]}, {}),
    "compact": ({"optimizer": "adam", "feedback": "fa", "gate": "differential", "loss": "softmax"}, {"inputs": {"minimum": 3}}),
    "mask": ({"optimizer": "momentum", "feedback": "dfa"}, {"inputs": {"minimum": 3}, "how": "mask", "alpha": 0.5}),
}


def goes_on_in_go(options, stamina):
    """A network and how it is trained; Go knows that too."""
    fit = {"batch": 8, "lr": 0.01, "progress": False, "patience": 9, "balance": {"every": 2}}
    if stamina:
        fit["gain_rule"] = {"lr": 1e-4, "alpha": 0.1}
        fit["stamina"] = {"by": "share", "share": 0.2, "mode": "mean", "grow": 2, "maximum": 12, "steps": 3, "samples": 30, **stamina}
    return hk.Network([5, 9, 8, 3], seed=2**63 + 5, **options), fit


def stack():
    gain = hk.gains.Exponential(4, alpha=0.1, of="derivative", activation=("leaky_relu", 0.25))
    return hk.Stack([
        hk.Layer(3, 4, hk.rules.Decay(lr=0.1, decay=0.01), ("leaky_relu", 0.25), gain, seed=7),
        hk.Layer(4, 2, hk.rules.SoftHebb(lr=0.1, temperature=0.5, anti=True), "tanh", seed=8),
    ])  # fmt: skip


def test_go_and_python_read_each_others_files(tmp_path):
    """A run that Python has begun goes on in Go, comes back, and has the bits of one in Python alone."""
    X = (np.arange(18, dtype=np.float32) % 7 / 4).reshape(6, 3)
    Y = np.arange(6) % 2
    net, straight = (hk.Network([3, 4, 2], loss="softmax", seed=5) for _ in range(2))
    straight.fit(X, Y, 3, batch=4, lr=0.25, progress=False)
    net.fit(X, Y, 1, batch=4, lr=0.25, progress=False)
    net.save(tmp_path / "from_python.hk")
    (tmp_path / "main.go").write_text(GO)
    (tmp_path / "go.mod").write_text(
        "module example.org/checkpoints\n\ngo 1.26\n\nrequire github.com/hebbkern/hebbkern v0.0.0\n\n"
        f"replace github.com/hebbkern/hebbkern => \"{ROOT}\"\n"
    )
    (tmp_path / "go.sum").write_text((ROOT / "go.sum").read_text())
    names = [str(tmp_path / n) for n in ("from_python.hk", "from_go.hk", "new.hk", "stack.hk", "stack_from_go.hk")]
    layers = stack()
    layers.learn(X, block=4)
    layers.save(names[3])
    every = layers_of_all_rules()
    for k, layer in enumerate(every):
        learn_as_in_go(layer)
        names.append(str(tmp_path / f"layer{k}.hk"))
        layer.save(names[-1])
    others = [
        hk.Network([3, 4, 2], activation=["tanh", "sigmoid"], optimizer="adam", seed=1),
        hk.Network([3, 4, 2], activation="gelu", loss="sigmoid", optimizer="momentum", seed=2**64 - 1),
        hk.Network([3, 4, 4, 2], activation=["relu", ("leaky_relu", 0.25), "identity"], feedback="dfa", dropout=0.25, seed=2),
        hk.Network([3, 2], activation=["tanh"], weight_decay=(0.01, 1.5)),
    ]
    for k, other in enumerate(others):
        other.fit(X, Y, 1, batch=4, lr=0.1, progress=False)
        names.append(str(tmp_path / f"other{k}.hk"))
        other.save(names[-1])
    joined = layers_with_constraints()
    for k, layer in enumerate(joined):
        learn_as_in_go(layer)
        names.append(str(tmp_path / f"joined{k}.hk"))
        layer.save(names[-1])
    samples, labels = task()
    target = np.eye(3, dtype=np.float32)[labels]
    hk.save(tmp_path / "data.hk", {"x": samples, "target": target})
    trained = {}
    for name, (options, stamina) in TRAINED.items():
        (alone, fit), (begun, _) = (goes_on_in_go(options, stamina) for _ in range(2))
        fit["validation"] = samples[:20], target[:20]
        alone.fit(samples, target, 3, **fit)
        begun.fit(samples, target, 1, **fit)
        names.append(str(tmp_path / f"train_{name}.hk"))
        begun.save(names[-1])
        trained[names[-1]] = alone, fit
    begun, fit = goes_on_in_go({"optimizer": "adam"}, {})
    alone, _ = goes_on_in_go({"optimizer": "adam"}, {})
    fit["validation"] = samples[:20], target[:20]
    alone.fit(samples, target, 3, **fit)
    left = iter(range(10, -1, -1))

    def stop(_):
        if next(left) == 0:
            raise KeyboardInterrupt

    with pytest.raises(hk.Interrupted):  # within the second epoch
        begun.fit(samples, target, 3, **fit, callbacks=[(1, stop)])
    assert begun.position == 24
    names.append(str(tmp_path / "train_within.hk"))
    begun.save(names[-1])
    trained[names[-1]] = alone, fit
    done = subprocess.run(["go", "run", "-mod=mod", ".", *names], cwd=tmp_path, capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0 and done.stdout == "1 5 3\n", done.stderr
    back = hk.Network.load(names[1])
    assert everything(back) == everything(straight)
    for other, name in zip(others, names[5 + len(every) :]):
        assert everything(hk.Network.load(name)) == everything(other)
    layers.learn(X, block=4)
    assert [everything(a) for a in hk.Stack.load(names[4])] == [everything(a) for a in layers]
    for layer, name in zip(every, names[5:]):
        learn_as_in_go(layer)
        assert everything(hk.Layer.load(name))[0] == everything(layer)[0], layer
        assert repr(hk.Layer.load(name)) == repr(layer)
    for k, layer in enumerate(joined):
        learn_as_in_go(layer)
        got = hk.Layer.load(tmp_path / f"joined{k}.hk")
        for _ in range(2):
            assert got.w.tobytes() == layer.w.tobytes() and repr(got.gain) == repr(layer.gain), layer
            if layer.gain is not None:
                assert all(same(getattr(got.gain, a), getattr(layer.gain, a)) for a in ("sigma", "values", "sum")), layer
                assert got.gain.seen == layer.gain.seen
            learn_as_in_go(layer)
            learn_as_in_go(got)
    for name, (alone, fit) in trained.items():
        net = hk.Network.load(name)
        assert net.epoch == 2 and net.steps == 16 and net.position == 0
        net.fit(samples, target, 1, **fit)
        assert everything(net) == everything(alone), name
    compact = trained[str(tmp_path / "train_compact.hk")][0]
    assert -1 in compact.inputs and compact.sizes[1] < 12 and trained[str(tmp_path / "train_mask.hk")][0].sizes[1] == 12
    new = hk.Network.load(names[2])
    want = hk.Network([4, 3, 2], activation=("leaky_relu", 0.25), loss="softmax", seed=11, dtype=np.float64)
    assert everything(new) == everything(want)
