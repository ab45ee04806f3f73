"""Synaptic balancing: robustness to noise before and after, and what is conserved (Stock, Harvey, Ocko & Ganguli, PLoS
Comput Biol 2022).

Networks τ dx/dt = −x + J φ(x) + W_in u + b + ξ, y = W_out φ(x), of ReLUs, with normal J of gain 0.9 that is then
brought out of balance by one of the transformations that keep the function, J → e^{−diag h} J e^{diag h}, h normal.
W_out is fitted so that the outputs are the inputs, low-pass filtered. The cost that is balanced is that of robustness:
p = 2, α the mean φ′ of the presynaptic unit. The noise ξ is the same before and after. (The paper trains its networks;
what is compared with it here is what it proves and claims for all networks.)
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import hebbkern as hk
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from _common import print_rows, save, script

RATE, GAIN, SPREAD, STD, INPUTS = 0.1, 0.9, 0.7, 0.3, 2
Array = npt.NDArray[np.float64]


def smooth(random: np.random.Generator, steps: int, width: int, memory: float) -> Array:
    """Normal inputs with a correlation that falls by 1/e in 1/memory steps."""
    u = random.standard_normal((steps, width))
    for t in range(1, steps):
        u[t] = (1 - memory) * u[t - 1] + np.sqrt(memory * (2 - memory)) * u[t]
    return u


@dataclass
class Net:
    """One network, its input and the outputs wanted of it."""

    j: Array
    w_in: Array
    bias: Array
    w_out: Array
    u: Array
    wanted: Array

    @staticmethod
    def make(seed: int, n: int, steps: int) -> Net:
        random = np.random.default_rng(seed)
        j = GAIN / np.sqrt(n) * random.standard_normal((n, n))
        w_in, bias = random.standard_normal((n, INPUTS)), 0.3 * random.standard_normal(n)
        u = smooth(random, steps, INPUTS, 0.05)
        wanted = np.zeros_like(u)
        for t in range(1, steps):
            wanted[t] = 0.9 * wanted[t - 1] + 0.1 * u[t]
        rates = np.maximum(hk.RNN(j, w_in, bias, rate=RATE).run(u).states, 0)
        w_out = np.linalg.solve(rates.T @ rates + 0.01 * steps * np.eye(n), rates.T @ wanted).T
        h = SPREAD * random.standard_normal(n)
        apart = np.exp(h - h[:, None])
        return Net(
            j * apart, w_in * np.exp(-h)[:, None], bias * np.exp(-h), np.ascontiguousarray(w_out * np.exp(h)), u, wanted
        )

    def rnn(self) -> hk.RNN:
        return hk.RNN(self.j, self.w_in, self.bias, self.w_out, rate=RATE)

    def balance(self, alpha: Array | None, **how: Any) -> hk.SynapticReport:
        return hk.synaptic_balance(
            self.j, alpha=alpha, w_in=self.w_in, bias=self.bias, w_out=self.w_out, tol=1e-12, **how
        )

    def copy(self) -> Net:
        return Net(*(a.copy() for a in (self.j, self.w_in, self.bias, self.w_out)), self.u, self.wanted)


def conserved(before: Array, after: Array) -> dict[str, float]:
    """How far what balancing conserves has moved, relative."""
    n = len(before)
    walk = np.random.default_rng(0).permuted(np.tile(np.arange(n), (200, 1)), axis=1)[:, :5]  # cycles of five units
    was, now = (np.prod(a[walk, np.roll(walk, -1, 1)], axis=1) for a in (before, after))
    return {
        "eigenvalues of J": eigenvalue_distance(before, after),
        "J_ii": float(np.abs(np.diag(after) - np.diag(before)).max()),
        "J_ij·J_ji": float(np.abs((after * after.T) / (before * before.T) - 1).max()),
        "products along cycles": float(np.abs(now / was - 1).max()),
    }


def eigenvalue_distance(a: Array, b: Array) -> float:
    """The largest distance between eigenvalues paired by nearness, over the largest modulus."""
    x, y = np.linalg.eigvals(a), list(np.linalg.eigvals(b))
    worst = 0.0
    for value in x:
        nearest = int(np.argmin(np.abs(np.array(y) - value)))
        worst = max(worst, abs(y.pop(nearest) - value))
    return float(worst / np.abs(x).max())


@dataclass
class Result:
    """Of one network: ratios after over before."""

    outputs: float  # mean squared deviation of the outputs under noise in the activity
    outputs_plain: float  # the same when balanced with α = 1
    weights: float  # under noise in the weights
    error: tuple[float, float]  # mean squared error of the task under noise, before and after
    cost: float
    function: float  # max|Δy| / max|y|
    moved: dict[str, float]
    course: list[tuple[float, float, float]] = field(default_factory=list)  # t, C/C₀, deviation over that at the start


def flow_course(start: Net, alpha: Array, trials: int, points: int) -> list[tuple[float, float, float]]:
    """The noise along the flow, in steps of it that double."""
    first = start.rnn().robustness(start.u, std=STD, trials=trials).outputs
    assert first is not None
    out = [(0.0, 1.0, 1.0)]
    for k in range(points):
        net = start.copy()
        report = net.balance(alpha, method="flow", max_steps=2**k)
        deviation = net.rnn().robustness(net.u, std=STD, trials=trials).outputs
        assert deviation is not None
        out.append((report.time, report.cost_after / report.cost_before, deviation / first))
        if report.converged:
            break
    return out


def study(seed: int, n: int, steps: int, trials: int, points: int) -> Result:
    start = Net.make(seed, n, steps)
    rnn = start.rnn()
    alpha = rnn.gains(start.u)
    net, plain = start.copy(), start.copy()
    report = net.balance(alpha)
    plain.balance(None)
    before, after = rnn.run(start.u).outputs, net.rnn().run(net.u).outputs
    assert before is not None and after is not None

    def deviation(of: Net, kind: str, std: float) -> float:
        found = of.rnn().robustness(of.u, std=std, of=kind, trials=trials, seed=seed).outputs
        assert found is not None
        return found

    base = deviation(start, "activity", STD)
    noisy = deviation(net, "activity", STD)
    task = float(np.mean(np.square(before - start.wanted)))
    return Result(
        outputs=noisy / base,
        outputs_plain=deviation(plain, "activity", STD) / base,
        weights=deviation(net, "weights", 0.01) / deviation(start, "weights", 0.01),
        error=(task + base, task + noisy),
        cost=report.cost_after / report.cost_before,
        function=float(np.abs(after - before).max() / np.abs(before).max()),
        moved=conserved(start.j, net.j),
        course=flow_course(start, alpha, trials, points) if points else [],
    )


def run(nets: int, n: int, steps: int, trials: int, courses: int = 5, points: int = 12) -> list[Result]:
    return [study(seed, n, steps, trials, points if seed < courses else 0) for seed in range(nets)]


def draw(results: list[Result], folder: Path) -> Path:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for k, r in enumerate(r for r in results if r.course):
        t, cost, noise = np.array(r.course).T
        left.plot(t, cost, "-", color="C0", alpha=0.7, label=None if k else "cost C")
        left.plot(t, noise, "--", color="C1", alpha=0.7, label=None if k else "noise of the outputs")
    left.set_xscale("symlog", linthresh=1e-2)
    left.set(xlabel="t / τ", ylabel="over the start", title="along the flow", xlim=(0, None), ylim=(0, None))
    left.legend(fontsize=8)
    before, after = np.array([r.error for r in results]).T
    middle.plot(before, after, "o", markersize=4)
    end = 1.05 * max(before.max(), after.max())
    middle.plot([0, end], [0, end], color="0.7", linewidth=0.8)
    middle.ticklabel_format(style="sci", scilimits=(0, 0))
    middle.set(
        xlabel="before", ylabel="balanced", title="task with noise: mean squared error", xlim=(0, end), ylim=(0, end)
    )
    names = ["ξ, α = ⟨φ′⟩", "ξ, α = 1", "weights, α = ⟨φ′⟩"]
    right.boxplot(
        [[getattr(r, f) for r in results] for f in ("outputs", "outputs_plain", "weights")], tick_labels=names
    )
    right.axhline(1, color="0.7", linewidth=0.8)
    right.set(title="noise of the outputs, over before", ylim=(0, 1.05))
    right.tick_params(axis="x", labelsize=8)
    return save(figure, "stock_robustness", folder)


def main(options: argparse.Namespace) -> None:
    results = run(options.nets, options.n, options.steps, options.trials)

    def ratio(name: str) -> str:
        values = np.array([getattr(r, name) for r in results])
        better = int((values < 1).sum())
        return f"× {np.median(values):.2f} (median), smaller in {better} of {len(values)}"

    worst = {name: max(r.moved[name] for r in results) for name in results[0].moved}
    rows = [
        ("cost C = Σ⟨φ′_j⟩J_ij²", "falls", ratio("cost")),
        ("noise of the outputs, ξ in the activity", "falls", ratio("outputs")),
        ("  balanced with α = 1", "–", ratio("outputs_plain")),
        ("noise of the outputs, noise in J", "–", ratio("weights")),
        ("max|Δy|/max|y| without noise", "0", f"{max(r.function for r in results):.1e} (largest)"),
        *((f"change of {name}", "0", f"{value:.1e} (largest)") for name, value in worst.items()),
    ]
    print_rows(f"Synaptic balancing, {options.nets} networks of {options.n} ReLUs, {options.trials} trials", rows)
    print(f"  {draw(results, options.out)}")


if __name__ == "__main__":
    script(main, __doc__, nets=20, n=60, steps=300, trials=40)
