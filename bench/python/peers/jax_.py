"""JAX on the CPU: one jitted function a step, w donated, lax.scan over samples. Each step waits for its result."""

import os

from . import THREADS

os.environ["JAX_PLATFORMS"] = "cpu"
if THREADS == 1:
    # XLA's pool takes its size from the cores that the process may use.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

from functools import partial  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402

from . import Held  # noqa: E402

jax.config.update("jax_enable_x64", True)  # only lets float64 arrays be made


def _held(state, function, *arguments):
    """A step that replaces its state: ``state ← function(state, …)``."""
    box = [None]

    def reset():
        box[0] = jnp.array(state)  # a copy: donated memory is gone

    def step():
        box[0] = function(box[0], *arguments)
        box[0].block_until_ready()

    return Held(step, reset, lambda: [np.asarray(box[0])])


def _in_place(function, *names, state="w"):
    compiled = jax.jit(function, donate_argnums=0)

    def make(a):
        kind = a[state].dtype.type
        return _held(a[state], compiled, *(jnp.asarray(a[n], dtype=kind) for n in names))

    return make


def rank1(w, g, x):
    return w + g[:, None] * x


def scale(w, rows, cols):
    return w * rows[:, None] * cols


def gain_rule(w, post, pre, lr):
    return w * (1 + lr * (pre * pre - (post * post)[:, None]))


def oja_given(w, x, y, lr):
    return w * (1 - lr * y * y)[:, None] + (lr * y)[:, None] * x


def batch(w, g, x, decay):
    return w * (1 - decay) + g.T @ x


def ema(s, a, alpha):
    return s + alpha * (a - s)


def oja(w, xs, lr):
    def one(w, x):
        y = w @ x
        return w * (1 - lr * y * y)[:, None] + (lr * y)[:, None] * x, None

    return lax.scan(one, w, xs)[0]


def oja_rows(w, xs, lr):
    """Rows outer, samples inner: rows do not interact."""

    def row(w):
        def one(w, x):
            y = w @ x
            return w * (1 - lr * y * y) + lr * y * x, None

        return lax.scan(one, w, xs)[0]

    return lax.map(row, w)


def softhebb(w, xs, lr, temperature):
    def one(w, x):
        u = w @ x
        g = lr * jax.nn.softmax(u / temperature)
        return w * (1 - g * u)[:, None] + g[:, None] * x, None

    return lax.scan(one, w, xs)[0]


def wta(w, xs, lr):
    def one(w, x):
        i = jnp.argmax(w @ x)
        return w.at[i].add(lr * (x - w[i])), None

    return lax.scan(one, w, xs)[0]


def _blocked(terms, size, *names):
    """The blocked form, two products for `size` samples; what is left of the last block runs in a smaller one."""

    def block(v, s, x, *parameters):
        n = x.shape[0]
        k = x @ x.T
        y = x @ v.T

        def one(b, state):
            s, c = state
            u = (y[b] + k[b] @ c) * s
            g, d = terms(u, *parameters)
            s = s * (1 - d)
            return s, c.at[b].set(g / s)

        s, c = lax.fori_loop(0, n, one, (s, jnp.zeros_like(y)))
        return v + c.T @ x, s

    def run(w, xs, *parameters):
        whole = xs.shape[0] // size * size

        def one(state, x):
            return block(*state, x, *parameters), None

        state = lax.scan(one, (w, jnp.ones(len(w), w.dtype)), xs[:whole].reshape(-1, size, xs.shape[1]))[0]
        if whole < xs.shape[0]:
            state = block(*state, xs[whole:], *parameters)
        v, s = state
        return v * s[:, None]

    return _in_place(run, "X", *names)


def oja_terms(y, lr):
    return lr * y, lr * y * y


def softhebb_terms(u, lr, temperature):
    g = lr * jax.nn.softmax(u / temperature)
    return g, g * u


@partial(jax.jit, static_argnums=1)
def _power_sums(w, p):
    t = {2: lambda: w * w, 1: lambda: jnp.abs(w), 0.5: lambda: jnp.sqrt(jnp.abs(w)),
         1.5: lambda: jnp.abs(w) * jnp.sqrt(jnp.abs(w))}.get(p, lambda: jnp.abs(w) ** p)()  # fmt: skip
    return t.sum(1), t.sum(0)


def power_sums(a):
    w, p = jnp.asarray(a["w"]), a["p"]

    def step():
        return jax.block_until_ready(_power_sums(w, p))

    return step


@jax.jit
def _forward(w, x):
    return x @ w.T


def forward(a):
    w, x = jnp.asarray(a["w"]), jnp.asarray(a["X"])
    return lambda: _forward(w, x).block_until_ready()


@partial(jax.jit, static_argnums=2)
def _conv2d(images, w, pad):
    return lax.conv_general_dilated(images, w, (1, 1), ((pad, pad), (pad, pad)))


def conv2d(a):
    images, w, pad = jnp.asarray(a["images"]), jnp.asarray(a["w"]), a["size"] // 2
    return lambda: _conv2d(images, w, pad).block_until_ready()


FORMS = {
    "rank1": {"jit": _in_place(rank1, "g", "x")},
    "scale": {"jit": _in_place(scale, "rows", "cols")},
    "gain_rule": {"jit": _in_place(gain_rule, "post", "pre", "lr")},
    "oja_given": {"jit": _in_place(oja_given, "x", "y", "lr")},
    "power_sums": {"jit": power_sums},
    "forward": {"jit": forward},
    "batch": {"jit": _in_place(batch, "G", "X", "decay")},
    "ema": {"jit": _in_place(ema, "a", "alpha", state="s")},
    "oja": {
        "scan": _in_place(oja, "X", "lr"),
        "scan of each row": _in_place(oja_rows, "X", "lr"),
        "blocked 64": _blocked(oja_terms, 64, "lr"),
    },
    "softhebb": {
        "scan": _in_place(softhebb, "X", "lr", "temperature"),
        "blocked 64": _blocked(softhebb_terms, 64, "lr", "temperature"),
    },
    "conv2d": {"jit": conv2d},
    "wta": {"scan": _in_place(wta, "X", "lr")},
}


def versions() -> dict:
    return {"jax": jax.__version__}
