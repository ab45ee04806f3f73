"""Random calls with random valid and invalid arguments: errors are ours, refused calls change nothing, nothing crashes.

HEBBKERN_FUZZ_CALLS sets their number; 1000000 takes some minutes.
"""

import os
import subprocess
import sys

CALLS = int(os.environ.get("HEBBKERN_FUZZ_CALLS", "30000"))


def main(calls, seed):
    import faulthandler

    import numpy as np

    import hebbkern as hk

    faulthandler.enable()
    random = np.random.default_rng(seed)
    memory = np.zeros(4096)  # what arrays are cut from, so that they overlap often enough
    memory32 = memory.view(np.float32)
    integers = random.integers

    def pick(*choices):
        return choices[integers(len(choices))]

    def size():
        return int(pick(0, 1, 2, 3, 4, 5, 8, 17, 33))

    shapes = [size() for _ in range(4)]

    def array(dims):
        dtype = pick(np.float32, np.float64, np.float64) if integers(8) == 0 else usual
        if integers(20) == 0:
            dims = pick((), (3,), (2, 3), (1, 2, 3), (size(), size()))
        base = memory32 if dtype == np.float32 else memory
        if integers(6) == 0:
            count = int(np.prod(dims)) if dims else 1
            start = int(integers(0, base.size - count))
            made = base[start : start + count].reshape(dims)
        else:
            made = random.standard_normal(dims).astype(dtype) if dims else dtype(random.standard_normal())
        if not isinstance(made, np.ndarray):
            return made
        kind = integers(30)
        if kind == 0 and made.ndim:
            made = made[..., ::2]
        elif kind == 1:
            made = made.T
        elif kind == 2:
            made = made[::-1] if made.ndim else made
        elif kind == 3:
            made = made.copy()
            made.flags.writeable = False
        elif kind == 4:
            made = made.astype(pick(np.int32, np.bool_, np.float16, ">f8", np.complex64))
        elif kind == 5:
            made = made.tolist()
        elif kind == 6 and made.ndim == 2 and made.shape[1] > 2:
            made = made[:, 1:-1]
        elif kind == 7:
            made = memoryview(np.ascontiguousarray(made))
        elif kind == 8 and made.size:
            made = made.copy()
            made.flat[int(integers(made.size))] = pick(np.nan, np.inf, -np.inf, 1e-310)
        return made

    def number():
        return pick(
            0.0, 1, 0.5, -1.0, 2.7, 1e-3, np.nan, np.inf, -np.inf, 1e300, 10**400, "x", None, np.float32(0.25), True
        )

    def value(dims):
        kind = integers(10)
        return (
            array(dims)
            if kind < 6
            else None
            if kind == 6
            else number()
            if kind < 9
            else pick("a", object(), {}, [[1], [1, 2]])
        )

    rules = [hk.rules.Hebb(0.1), hk.rules.Decay(0.1, 0.01), hk.rules.Oja(0.1), hk.rules.Sanger(0.1), hk.rules.Instar(0.1),
             hk.rules.WTA(0.1), hk.rules.WTA(0.1, 3, "euclid"), hk.rules.SoftHebb(0.1), hk.rules.SoftHebb(0.1, 0.2, True),
             hk.rules.Outstar(0.1), hk.rules.PreGated(0.1, 0.5), hk.rules.PostGated(0.1, [0.5, 1, 2]), hk.rules.Covariance(0.1),
             hk.rules.BCM(0.1), hk.rules.BCM(0.1, form="law", decay=0.01), hk.rules.BCM(0.1, form="1982"), hk.rules.PES(0.1),
             hk.rules.DifferentialHebbian(0.1), hk.rules.DifferentialHebbian(0.1, True), hk.rules.AntiHebbian(0.1),
             hk.rules.AntiHebbian(0.1, True), hk.rules.ABCD(0.1, 1, -1, 0.5, 0.2), hk.rules.KrotovHopfield(0.1, 3), hk.rules.Voja(0.1),
             hk.rules.Voja(0.1, [1.0, 2, 3]), hk.rules.Custom(lambda x, y, s: {"g": 0.1 * y, "decay": 0.01}, vectorized=True)]  # fmt: skip
    traces = [hk.rules.ThreeFactor(0.1, 5.0), hk.rules.ThreeFactor(0.1, 5.0, 0.5, "tau", tau_rise=1.0)]
    foldiak, contrastive = [hk.rules.Foldiak(steps=3)], [hk.rules.ContrastiveHebbian(0.1)]
    spiking = [hk.rules.STDP(), hk.rules.STDP(mu=0.5, coincidence="both"), hk.rules.TripletSTDP(trace="replace")]
    averages = [hk.gains.Exponential(5, alpha=0.1, dtype=np.float64), hk.gains.Windowed(5, window=3, activation=("bipu", 2.0, -1.0))]
    staminas = [hk.stamina.Stamina(5, mode="batch", prior=0.3), hk.stamina.Stamina(3, alpha=0.5, dtype=np.float64)]
    outcomes = {"done": 0, "refused": 0}
    def network_of(args, named):
        """An RNN of the arguments, or one of a single unit where they are refused."""
        try:
            return hk.RNN(*args, **named)
        except hk.HebbkernError as error:
            assert isinstance(error, (ValueError, TypeError)) and str(error), error
            return hk.RNN(np.ones((1, 1)))

    for call in range(calls):
        if call % 7 == 0:
            shapes = [size() for _ in range(4)]
        usual = pick(np.float32, np.float64)
        out, n, samples, _ = shapes
        w = array((out, n))
        name = pick(
            "rank1",
            "batch_update",
            "forward",
            "power_sums",
            "norms",
            "scale",
            "ema",
            "gain_rule",
            "rule",
            "rule",
            "stdp",
            "three_factor",
            "foldiak",
            "contrastive",
            "gain",
            "stamina",
            "balanced_relu",
            "balance",
            "deficit",
            "synaptic_balance",
            "rnn",
            "threads",
        )
        named = {}

        def optional(**choices):
            for key, made in choices.items():
                if integers(3) == 0:
                    named[key] = made()

        if name == "rank1":
            args = [w, value((out,)), value((n,))]
            optional(decay=lambda: value((out,)), col_decay=lambda: value((n,)), row_add=lambda: value((out,)),
                     col_add=lambda: value((n,)), low=number, high=number, mask=lambda: random.random((out, n)) < 0.5)  # fmt: skip
        elif name == "batch_update":
            args = [w, array((samples, out)), array((samples, n))]
            optional(decay=lambda: value((out,)), col_decay=lambda: value((n,)), row_add=lambda: value((out,)),
                     col_add=lambda: value((n,)), low=number, high=number, mask=lambda: random.random((out, n)) < 0.5)  # fmt: skip
        elif name == "forward":
            dims = pick((n,), (samples, n))
            args = [w, array(dims), value((out,))]
            optional(activation=lambda: pick("relu", "tanh", "gelu", "none", 3, ("leaky_relu", number()), ("bilu", number(), number()),
                                             ("bipu", number(), number())),
                     out=lambda: array((*dims[:-1], out)))  # fmt: skip
        elif name in ("power_sums", "norms"):
            args = [w, number()]
            optional(axis=lambda: pick(0, 1, None, 2, "0"))
            if name == "power_sums":
                optional(weights=lambda: value(pick((n,), (out,))))
        elif name == "scale":
            args = [w, value((out,)), value((n,))]
        elif name == "ema":
            args = [array((n,)), array(pick((n,), (samples, n))), number()]
            optional(of=lambda: pick("value", "square", "cube"))
        elif name == "gain_rule":
            args = [w, value((out,)), value((n,)), number()]
            optional(bias=lambda: array((out,)), form=lambda: pick("linear", "exp", ""), limit=number)
        elif name == "rule":
            dims = pick((n,), (samples, n))
            args = [w, array(dims), pick(None, array((*dims[:-1], out)))]
            optional(reduction=lambda: pick("sequential", "sum", "mean", "x"), normalize=lambda: pick("max", None, 3),
                     block=lambda: pick(1, 2, 16, 17, 4096, None, 0, -1, 5000, 2.0, "x"))  # fmt: skip
        elif name == "stdp":
            dims = pick((), (samples,))
            kind = pick(np.bool_, np.bool_, np.uint8, w.dtype if isinstance(w, np.ndarray) else np.float64)
            args = [w, (random.random((*dims, n)) < 0.2).astype(kind), (random.random((*dims, out)) < 0.2).astype(kind)]
            if integers(4) == 0:
                args[1 + int(integers(2))] = value(pick((n,), (samples, n), (samples, out)))
        elif name == "three_factor":
            dims = pick((n,), (samples, n))
            args = [w, array(dims), pick(None, array((*dims[:-1], out)))]
            named["modulator"] = value(dims[:-1])
        elif name == "foldiak":
            dims = pick((n,), (samples, n))
            args = [w, array(dims), pick(None, array((*dims[:-1], out)))]
            optional(reduction=lambda: pick("sequential", "sum", "mean", "x"))
        elif name == "contrastive":
            dims = pick((n,), (samples, n))
            args = [w, array(dims), array((*dims[:-1], out)), array(dims), array((*dims[:-1], out))]
            optional(reduction=lambda: pick("sequential", "sum", "mean", "x"), normalize=lambda: pick("max", None, 3),
                     block=lambda: pick(1, 2, 4096, None, 0, "x"))  # fmt: skip
        elif name in ("stamina", "balanced_relu"):
            args = [array(pick((n,), (samples, n)))]
            if name == "balanced_relu":
                optional(mode=lambda: pick(*hk.stamina.MODES, "x", 3), strength=number, out=lambda: array(pick((n,), (samples, n))))
        elif name == "gain":
            args = [array(pick((n,), (samples, n)))]
            optional(reduction=lambda: pick("sequential", "mean", "sum"))
        elif name in ("balance", "deficit"):
            sizes = [size() or 1 for _ in range(4)]
            weights = [array((o, i)) for i, o in zip(sizes, sizes[1:])]
            biases = pick(None, [array((o,)) for o in sizes[1:]], [None] * 3, [array((o,)) for o in sizes[2:]])
            args = [pick(weights, weights, weights, tuple(weights), [], None, w), biases]
            optional(
                p=number,
                activation=lambda: pick("relu", "identity", "tanh", "x"),
                include_bias=lambda: pick(True, False),
            )
            if name == "balance":
                optional(
                    order=lambda: pick([0, 1], [1, 0], [1, 1], [3]), tol=number, max_sweeps=lambda: pick(1, 5, 0, 100),
                    method=lambda: pick("newton", "sweeps", "stochastic", "tied", "x"),
                    alpha=lambda: pick([1, 2, 0], [1, array((sizes[2], sizes[1])), 1], [1], 3),
                    only=lambda: pick([True, False], [False], [np.ones(sizes[1], bool), True]),
                )
                named.setdefault("max_sweeps", 50)
        elif name in ("synaptic_balance", "rnn"):
            units = size()
            args = [array((units, units))]
            optional(w_in=lambda: value((units, n)), bias=lambda: value((units,)), w_out=lambda: value((out, units)))
            if name == "synaptic_balance":
                optional(p=number, alpha=lambda: value(pick((units,), (units, units))), tol=number, tau=number, rtol=number,
                         dt=number, method=lambda: pick("flow", "euler", "x", 3))  # fmt: skip
                named["max_steps"] = pick(1, 5, 50, 0)
            else:
                optional(activation=lambda: pick("tanh", "x", 3), rate=lambda: pick(None, number()))
                made = network_of(args, named)
                args, named = [value(pick((samples, n), (samples, 2, n)))], {}
                optional(x0=lambda: value(pick((units,), (2, units))), steps=lambda: pick(samples, 3, number()),
                         noise=lambda: value(pick((samples, units), (samples, 2, units))))  # fmt: skip
        else:
            name, args = "set_num_threads", [pick(1, 2, 3, 0, -1, "2", 5000)]
        learning = {"stdp": spiking, "three_factor": traces, "foldiak": foldiak, "contrastive": contrastive, "rule": rules}
        rule = pick(*learning.get(name, rules))
        if hasattr(rule, "reset") and integers(3):
            rule.reset()
            for array_name in getattr(rule, "_state", ()):
                if integers(8) == 0:
                    setattr(rule, array_name, value(pick((out,), (n,), (out, n), (out, out))))
        state = pick(*averages) if name == "gain" else pick(*staminas) if name == "stamina" else rule
        states = [v for v in vars(state).values() if isinstance(v, np.ndarray)]
        lists = [v for a in args if isinstance(a, (list, tuple)) for v in a]
        everything = [v for v in (*args, *lists, *named.values(), *states, memory) if isinstance(v, np.ndarray)]
        before = [v.tobytes() for v in everything]
        function = getattr(hk.stamina if name == "balanced_relu" else hk, name, None)
        function = state.update if name in (*learning, "gain", "stamina") else function
        function = function or made.run
        try:
            function(*args, **named)
            outcomes["done"] += 1
        except hk.DivergenceError:
            outcomes["done"] += 1
        except hk.HebbkernError as error:
            outcomes["refused"] += 1
            assert isinstance(error, (ValueError, TypeError)), error
            assert str(error)
            for v, old in zip(everything, before):
                assert v.tobytes() == old, f"{name} was refused and wrote: {error}"
        if call % 1000 == 0:
            memory[...] = 0
    print(outcomes)
    assert min(outcomes.values()) > calls / 20


def test_random_calls():
    done = subprocess.run(
        [sys.executable, __file__, str(CALLS)], capture_output=True, text=True, timeout=60 + CALLS / 300, check=False
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr[-4000:]}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
