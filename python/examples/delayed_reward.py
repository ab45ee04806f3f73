"""Three factors: eligibility traces bridge the time between an action and its reward.

    e_ij ← e_ij exp(−dt/τ_e) + f(x_j) g(y_i),   w_ij ← w_ij + η dt M e_ij
    Gerstner, Lehmann, Liakoni, Corneil & Brea, Frontiers in Neural Circuits 12 (2018)

Left: a coincidence of pre and post, its trace with one time constant and with two, and what a reward makes of it, by
its delay: exp(−delay/τ_e). Right: one of 4 cues is shown, one of 4 actions is drawn from softmax(w x), and only 8 steps
later comes a reward, if the action was that of the cue. With g(y) = (1 for the action, 0 else) − its probability and M
the reward less its average, this is REINFORCE (Williams 1992). With traces that are too short it does not learn.
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options

import hebbkern as hk

CUES, DELAY, TRIAL, TAU = 4, 8, 20, 10.0


def by_delay(tau: float, delays: np.ndarray) -> np.ndarray:
    """The change of a weight by a reward that comes after each delay."""
    out = []
    for delay in delays:
        w, events = np.zeros((1, 1)), np.zeros((delay + 1, 2))
        events[0, 0], events[delay, 1] = 1.0, 1.0
        pulse, reward = events[:, :1], events[:, 1].copy()
        hk.rules.ThreeFactor(lr=1.0, tau_e=tau).update(w, pulse, pulse.copy(), modulator=reward)
        out.append(w[0, 0])
    return np.array(out)


def task(tau: float, trials: int, random: np.random.Generator) -> np.ndarray:
    """Rewards [trials] of one learner."""
    rule, w, average = hk.rules.ThreeFactor(lr=0.5, tau_e=tau), np.zeros((CUES, CUES)), 1 / CUES
    rewards = np.zeros(trials)
    for t in range(trials):
        x, y, modulator = np.zeros((TRIAL, CUES)), np.zeros((TRIAL, CUES)), np.zeros(TRIAL)
        cue = random.integers(CUES)
        p = np.exp(w[:, cue] - w[:, cue].max())
        p /= p.sum()
        action = random.choice(CUES, p=p)
        x[0, cue], y[0] = 1.0, np.eye(CUES)[action] - p
        rewards[t] = action == cue
        modulator[DELAY] = rewards[t] - average
        rule.update(w, x, y, modulator=modulator)
        average += 0.05 * (rewards[t] - average)
    return rewards


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, trials=600, learners=20)
    delays = np.arange(31)
    change = by_delay(TAU, delays)
    fitted = -1 / np.polyfit(delays, np.log(change), 1)[0]
    traces = {}
    for name, rise in (("one time constant", None), ("two of them", 3.0)):
        rule, w = hk.rules.ThreeFactor(lr=0.0, tau_e=TAU, tau_rise=rise), np.zeros((1, 1))
        traces[name] = []
        for step in range(41):
            pulse = [1.0 if step == 5 else 0.0]
            rule.update(w, pulse, pulse, modulator=0.0)
            traces[name].append(rule.e[0, 0] - (0 if rise is None else rule.e_rise[0, 0]))
    curves = {}
    for tau in (1.0, 3.0, 10.0):
        seeds = [np.random.default_rng((chosen.seed, k)) for k in range(chosen.learners)]
        curves[tau] = np.mean([task(tau, chosen.trials, random) for random in seeds], 0)

    picture = figure(12, 3.8)
    left, middle, right = picture.subplots(1, 3)
    left.vlines(5, 0, 1.05, color="0.5", linestyle=":", label="pre and post")
    for colour, (name, trace) in zip(("C0", "C2"), traces.items()):
        left.plot(trace, color=colour, label=f"trace, {name}")
    left.set(xlabel="step", ylabel="e", title="eligibility traces")
    middle.plot(delays, change, ".", label="Δw")
    line = f"fit, τ = {fitted:.2f} (τ_e = {TAU:g})"
    middle.plot(delays, change[0] * np.exp(-delays / fitted), color="C1", linewidth=1, label=line)
    middle.set(xlabel="delay of the reward [steps]", ylabel="Δw", title="learning by the delay", ylim=(0, None))
    window = max(chosen.trials // 20, 1)
    for tau, rewards in curves.items():
        smooth = np.convolve(rewards, np.ones(window) / window, "valid")
        right.plot(np.arange(window, len(rewards) + 1), smooth, label=f"τ_e = {tau:g}")
    right.axhline(1 / CUES, color="0.6", linestyle=":", linewidth=1, label="chance")
    right.set(xlabel="trial", ylabel="rewards per trial", ylim=(0, 1.3), yticks=np.linspace(0, 1, 6))
    right.set_title(f"a reward that is {DELAY} steps late")
    for axes in (left, middle, right):
        axes.legend(fontsize=8, loc="upper right", ncols=2 if axes is right else 1)
    last = chosen.trials // 5
    found = {"tau": float(fitted / TAU), **{f"reward {tau:g}": float(r[-last:].mean()) for tau, r in curves.items()}}
    say = (
        f"Δw falls with the delay by τ = {fitted:.3f} steps, where τ_e = {TAU:g} was set",
        f"rewards in the last fifth of {chosen.trials} trials (chance: {1 / CUES:g}): "
        + ", ".join(f"{found[f'reward {tau:g}']:.2f} with τ_e = {tau:g}" for tau in curves),
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
