"""PyTorch on the CPU: in-place and out= forms on the memory of the NumPy arrays, without gradients."""

import torch

from . import THREADS

torch.set_num_threads(THREADS)
torch.set_grad_enabled(False)


def _tensors(a, *names):
    return [torch.from_numpy(a[name]) for name in names]


def rank1(a):
    w, g, x = _tensors(a, "w", "g", "x")
    return lambda: w.addr_(g, x)


def rank1_fused(a):
    w, g, x = _tensors(a, "w", "g", "x")
    column = g[:, None]
    return lambda: w.addcmul_(column, x)


def scale(a):
    w, rows, cols = _tensors(a, "w", "rows", "cols")
    rows = rows[:, None]
    return lambda: w.mul_(rows).mul_(cols)


def gain_rule(a):
    w, post, pre = _tensors(a, "w", "post", "pre")
    lr, t = a["lr"], torch.empty_like(w)

    def step():
        torch.sub((lr * pre * pre + 1)[None, :], (lr * post * post)[:, None], out=t)
        w.mul_(t)

    return step


def oja_given(a):
    w, x, y = _tensors(a, "w", "x", "y")
    lr = a["lr"]

    def step():
        rate = lr * y
        w.mul_((1 - rate * y)[:, None]).addr_(rate, x)

    return step


def oja_given_fused(a):
    w, x, y = _tensors(a, "w", "x", "y")
    lr = a["lr"]

    def step():
        rate = (lr * y)[:, None]
        w.mul_(1 - rate * y[:, None]).addcmul_(rate, x)

    return step


def power_sums(a):
    (w,), p, t = _tensors(a, "w"), a["p"], torch.empty(a["w"].shape, dtype=torch.from_numpy(a["w"]).dtype)

    def step():
        if p == 2:
            torch.mul(w, w, out=t)
        else:
            torch.abs(w, out=t)
            if p == 0.5:
                t.sqrt_()
            elif p == 1.5:
                t.mul_(torch.sqrt(t))
            elif p != 1:
                t.pow_(p)
        return t.sum(1).numpy(), t.sum(0).numpy()

    return step


def power_sums_norms(a):
    (w,), p = _tensors(a, "w"), a["p"]

    def sums(axis):
        n = torch.linalg.vector_norm(w, p, dim=axis)
        return (n if p == 1 else n.pow_(p)).numpy()

    return lambda: (sums(1), sums(0))


def forward(a):
    w, x = _tensors(a, "w", "X")
    y = torch.empty(len(x), len(w), dtype=w.dtype)
    result = y.numpy()

    def step():
        torch.mm(x, w.t(), out=y)
        return result

    return step


def batch(a):
    w, x, g = _tensors(a, "w", "X", "G")
    keep = 1 - a["decay"]
    return lambda: w.addmm_(g.t(), x, beta=keep)


def ema(a):
    s, new = _tensors(a, "s", "a")
    alpha = a["alpha"]
    return lambda: s.lerp_(new, alpha)


def ema_add(a):
    s, new = _tensors(a, "s", "a")
    alpha = a["alpha"]
    return lambda: s.mul_(1 - alpha).add_(new, alpha=alpha)


def oja(a):
    w, xs = _tensors(a, "w", "X")
    lr, y = a["lr"], torch.empty(len(w), dtype=w.dtype)

    def step():
        for x in xs:
            torch.mv(w, x, out=y)
            rate = lr * y
            w.mul_((1 - rate * y)[:, None]).addr_(rate, x)

    return step


def _oja_terms(a):
    lr = a["lr"]

    def terms(y):
        g = lr * y
        return g, g * y

    return terms


def _softhebb_terms(a):
    lr, t = a["lr"], 1 / a["temperature"]

    def terms(u):
        g = torch.softmax(t * u, 0).mul_(lr)
        return g, g * u

    return terms


def softhebb(a):
    w, xs = _tensors(a, "w", "X")
    terms, u = _softhebb_terms(a), torch.empty(len(w), dtype=w.dtype)

    def step():
        for x in xs:
            torch.mv(w, x, out=u)
            g, d = terms(u)
            w.mul_((1 - d)[:, None]).addr_(g, x)

    return step


def blocked(rule, size):
    """As in NumPy, the second product added to w in place."""

    def make(a):
        v, xs = _tensors(a, "w", "X")
        y, k, c = (torch.empty(size, n, dtype=v.dtype) for n in (len(v), size, len(v)))
        terms = rule(a)

        def step():
            s = torch.ones(len(v), dtype=v.dtype)
            for x in xs.split(size):
                n = len(x)
                torch.mm(x, v.t(), out=y[:n])
                torch.mm(x, x.t(), out=k[:n, :n])
                for b in range(n):
                    u = y[b]
                    if b:
                        u.addmv_(c[:b].t(), k[b, :b])
                    u.mul_(s)
                    g, d = terms(u)
                    s.mul_(1 - d)
                    torch.div(g, s, out=c[b])
                v.addmm_(c[:n].t(), x)
            v.mul_(s[:, None])

        return step

    return make


def wta(a):
    w, xs = _tensors(a, "w", "X")
    lr, y = a["lr"], torch.empty(len(w), dtype=w.dtype)

    def step():
        for x in xs:
            torch.mv(w, x, out=y)
            w[int(y.argmax())].lerp_(x, lr)

    return step


def wta_blocked(size):
    def make(a):
        w, xs = _tensors(a, "w", "X")
        lr = a["lr"]
        y, k = torch.empty(size, len(w), dtype=w.dtype), torch.empty(size, size, dtype=w.dtype)

        def step():
            for x in xs.split(size):
                n = len(x)
                torch.mm(x, w.t(), out=y[:n])
                torch.mm(x, x.t(), out=k[:n, :n])
                for b in range(n):
                    i = int(y[b].argmax())
                    y[b + 1 : n, i].lerp_(k[b, b + 1 : n], lr)
                    w[i].lerp_(x[b], lr)

        return step

    return make


def conv2d(memory_format):
    def make(a):
        images, w = (t.contiguous(memory_format=memory_format) for t in _tensors(a, "images", "w"))
        pad = a["size"] // 2
        return lambda: torch.nn.functional.conv2d(images, w, padding=pad).numpy()

    return make


def patches(a):
    (images,), size = _tensors(a, "images"), a["size"]
    n, channels, rows, columns = images.shape
    pad = size // 2
    padded = torch.zeros(n, channels, rows + 2 * pad, columns + 2 * pad, dtype=images.dtype)
    inside = padded[:, :, pad : pad + rows, pad : pad + columns]
    windows = padded.unfold(2, size, 1).unfold(3, size, 1).permute(0, 2, 3, 1, 4, 5)
    out = torch.empty(windows.shape, dtype=images.dtype)
    flat = out.reshape(n * rows * columns, -1).numpy()

    def step():
        inside.copy_(images)
        out.copy_(windows)
        return flat

    return step


def sgd(a):
    w, g = _tensors(a, "w", "g")
    lr = a["lr"]
    return lambda: w.add_(g, alpha=-lr)


def momentum(a):
    w, m, g = _tensors(a, "w", "m", "g")
    lr, mu = a["lr"], a["mu"]

    def step():
        m.mul_(mu).add_(g)
        w.add_(m, alpha=-lr)

    return step


def adam(a):
    w, m, v, g = _tensors(a, "w", "m", "v", "g")
    t = torch.empty_like(w)
    b1, b2, root, rate, eps = a["beta1"], a["beta2"], a["root"], a["rate"], a["eps"]

    def step():
        m.lerp_(g, 1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        torch.sqrt(v, out=t).mul_(root).add_(eps)
        w.addcdiv_(m, t, value=-rate)

    return step


def fused(kind, state, **options):
    """The optimizer of torch.optim whose step is one loop; its state is that of the inputs."""

    def make(a):
        w = torch.nn.Parameter(torch.from_numpy(a["w"]))
        w.grad = torch.from_numpy(a["g"])
        optimizer = kind([w], fused=True, **{name: value(a) for name, value in options.items()})
        optimizer.state[w] = {name: value(a) for name, value in state.items()}
        return optimizer.step

    return make


FUSED_SGD = fused(torch.optim.SGD, {}, lr=lambda a: a["lr"])
FUSED_MOMENTUM = fused(
    torch.optim.SGD,
    {"momentum_buffer": lambda a: torch.from_numpy(a["m"])},
    lr=lambda a: a["lr"],
    momentum=lambda a: a["mu"],
)
FUSED_ADAM = fused(
    torch.optim.Adam,
    {
        "step": lambda a: torch.tensor(a["step"] - 1.0),
        "exp_avg": lambda a: torch.from_numpy(a["m"]),
        "exp_avg_sq": lambda a: torch.from_numpy(a["v"]),
    },
    lr=lambda a: a["lr"],
    betas=lambda a: (a["beta1"], a["beta2"]),
    eps=lambda a: a["eps"],
)


FORMS = {
    "rank1": {"addr_": rank1, "addcmul_": rank1_fused},
    "scale": {"mul_": scale},
    "gain_rule": {"sub, mul_": gain_rule},
    "oja_given": {"mul_, addr_": oja_given, "mul_, addcmul_": oja_given_fused},
    "power_sums": {"powers, sums": power_sums, "vector_norm": power_sums_norms},
    "forward": {"mm": forward},
    "batch": {"addmm_": batch},
    "ema": {"lerp_": ema, "mul_, add_": ema_add},
    "oja": {"mv, addr_": oja, "blocked 64": blocked(_oja_terms, 64), "blocked 128": blocked(_oja_terms, 128)},
    "softhebb": {
        "mv, addr_": softhebb,
        "blocked 64": blocked(_softhebb_terms, 64),
        "blocked 128": blocked(_softhebb_terms, 128),
    },
    "conv2d": {
        "conv2d": conv2d(torch.contiguous_format),
        "conv2d, channels last": conv2d(torch.channels_last),
    },
    "patches": {"unfold, copy_": patches},
    "sgd": {"add_": sgd, "optim, fused": FUSED_SGD},
    "momentum": {"mul_, add_": momentum, "optim, fused": FUSED_MOMENTUM},
    "adam": {"lerp_, addcdiv_": adam, "optim, fused": FUSED_ADAM},
    "wta": {"mv, lerp_": wta, "blocked 64": wta_blocked(64), "blocked 128": wta_blocked(128)},
}


def versions() -> dict:
    return {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()}
