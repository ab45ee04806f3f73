"""Spike-timing dependent plasticity: the exponential window of pairs, and what triplets add to it.

    a pair Δt = t_post − t_pre apart:  Δw = a₊ exp(−Δt/τ₊) for Δt > 0,  a₋ exp(Δt/τ₋) for Δt < 0
                                                          Song, Miller & Abbott, Nature Neurosci. 3 (2000)
    triplets: on pre w −= o₁(A₂⁻ + A₃⁻ r₂), on post w += r₁(A₂⁺ + A₃⁺ o₂)
                                                          Pfister & Gerstner, J. Neurosci. 26 (2006)

The left picture is measured, one pair of spikes a synapse, with time constants fitted to it. On the right, 60 pairs
with Δt = ±10 ms at frequencies up to 50 Hz, as in the experiments of Sjöström et al. 2001: with triplets, pairing that
starts with the presynaptic spike does next to nothing at low frequency and potentiates at high, and at 50 Hz the order
of the spikes does not matter; the rule of pairs has none of it.
"""

from __future__ import annotations

import numpy as np
from _gallery import figure, finish, options

import hebbkern as hk

TAU_PLUS, TAU_MINUS = 16.8, 33.7  # ms


def window(rule: hk.rules.STDP, lags: np.ndarray) -> np.ndarray:
    """Δw of one pair at each lag t_post − t_pre [ms]: one input a lag, all with the same postsynaptic spike."""
    middle = int(np.abs(lags).max())
    pre, post = np.zeros((2 * middle + 1, len(lags)), bool), np.zeros((2 * middle + 1, 1), bool)
    pre[middle - lags, np.arange(len(lags))], post[middle] = True, True
    w = np.zeros((1, len(lags)))
    rule.update(w, pre, post)
    return w[0]


def paired(rule: hk.rules.STDP | hk.rules.TripletSTDP, frequency: float, lag: int, pairs: int) -> float:
    """Δw of pairs at a frequency [Hz]."""
    period = round(1000 / frequency)
    pre, post = np.zeros((pairs * period, 1), bool), np.zeros((pairs * period, 1), bool)
    pre[max(-lag, 0) :: period], post[max(lag, 0) :: period] = True, True
    w = np.ones((1, 1))
    rule.update(w, pre, post)
    return float(w[0, 0] - 1)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments, pairs=60)
    lags = np.concatenate([np.arange(-100, 0), np.arange(1, 101)])
    free = {"w_min": -10.0, "w_max": 10.0}  # far from the bounds
    change = window(hk.rules.STDP(TAU_PLUS, TAU_MINUS, 0.01, -0.005, **free), lags)
    after = lags > 0
    tau_plus = -1 / np.polyfit(lags[after], np.log(change[after]), 1)[0]
    tau_minus = 1 / np.polyfit(lags[~after], np.log(-change[~after]), 1)[0]

    hertz = np.array([0.5, 1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50])
    pair, triplet = {}, {}
    for lag in (10, -10):
        by_pairs = [hk.rules.STDP(TAU_PLUS, TAU_MINUS, 0.007, -0.007, **free) for _ in hertz]
        pair[lag] = [paired(rule, f, lag, chosen.pairs) for rule, f in zip(by_pairs, hertz)]
        triplet[lag] = [paired(hk.rules.TripletSTDP(**free), f, lag, chosen.pairs) for f in hertz]

    picture = figure(11, 4.2)
    left, right = picture.subplots(1, 2)
    left.plot(lags, change, ".", markersize=4, color="C0", label="measured")
    for part, fit in ((after, tau_plus), (~after, -tau_minus)):
        at = lags[part][np.abs(lags[part]).argmin()]
        name = f"fit, τ₊ = {tau_plus:.2f} ms, τ₋ = {tau_minus:.2f} ms" if fit > 0 else None
        line = change[lags == at] * np.exp(-(lags[part] - at) / fit)
        left.plot(lags[part], line, color="C1", linewidth=1, label=name)
    left.set(xlabel="Δt = t_post − t_pre [ms]", ylabel="Δw of one pair", title="the window of pairs")
    for lag, colour in ((10, "C0"), (-10, "C3")):
        right.plot(hertz, triplet[lag], "o-", markersize=4, color=colour, label=f"triplets, Δt = {lag:+d} ms")
        right.plot(hertz, pair[lag], "--", color=colour, alpha=0.5, label=f"pairs, Δt = {lag:+d} ms")
    right.set(xlabel="frequency of the pairs [Hz]", ylabel=f"Δw of {chosen.pairs} pairs", title="by frequency")
    for axes in (left, right):
        axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axes.legend(fontsize=8)
    found = {
        "tau plus": float(tau_plus / TAU_PLUS),
        "tau minus": float(tau_minus / TAU_MINUS),
        **{f"triplet {lag:+d} at {f:g} Hz": triplet[lag][list(hertz).index(f)] for lag in (10, -10) for f in (1, 50)},
    }
    say = (
        f"window: τ₊ = {tau_plus:.3f} ms and τ₋ = {tau_minus:.3f} ms, where {TAU_PLUS} and {TAU_MINUS} were set",
        f"triplets, Δt = +10 ms: {triplet[10][1]:+.3f} at 1 Hz, {triplet[10][-1]:+.3f} at 50 Hz; "
        f"Δt = −10 ms: {triplet[-10][1]:+.3f} and {triplet[-10][-1]:+.3f}",
    )
    return finish(picture, __file__, chosen.out, found, say)


if __name__ == "__main__":
    main()
