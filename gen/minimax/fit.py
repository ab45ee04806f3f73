"""Fits every polynomial of the elementary functions.

Run: python3 fit.py --write (needs mpmath and gofmt). The same declarations go to two files that cannot import each
other: kernels/internal/portable/coefficients.go, the definition, and gen/texts/coefficients.go, the kernels' texts.
Without --write the declarations are printed.

Weighted minimax by the Remez exchange in 60 digits: minimise max |(P(x) - f(x))·w(x)| over an interval, P in a given
set of monomials. Coefficients are rounded one by one, from the lowest power (the one that weighs most) up; after each
rounding the remaining ones are fitted again, so that the later ones take up the rounding error of the earlier.
"""

import contextlib
import io
import pathlib
import struct
import subprocess
import sys

import mpmath as mp

mp.mp.dps = 60


def f32(x):
    """x rounded to float32, as an mpf."""
    return rnd(x, 24, -149)


def f64(x):
    """x rounded to float64, as an mpf."""
    return rnd(x, 53, -1074)


def rnd(x, bits, emin):
    """x rounded to nearest even with a significand of so many bits."""
    x = mp.mpf(x)
    if x == 0:
        return x
    e = max(int(mp.floor(mp.log(abs(x), 2))) - bits + 1, emin)
    return mp.ldexp(mp.nint(mp.ldexp(x, -e)), e)


def solve(f, w, n, lo, hi, grid):
    """One Remez fit of degree n - 1: the coefficients and the weighted error. Points where w is 0 are left out."""
    mid, half = (lo + hi) / 2, (hi - lo) / 2
    cand = [mid - half * mp.cos(mp.pi * (i + mp.mpf("0.37")) / (grid + 1)) for i in range(grid + 1)]
    cand = [lo] + cand[1:-1] + [hi]
    pts = [(x, f(x), w(x)) for x in cand if x != 0 or w(x) != 0]
    m = len(pts) - 1
    xs = [pts[int(mp.nint((1 - mp.cos(mp.pi * i / n)) / 2 * m))] for i in range(n + 1)]
    best = None
    for _ in range(40):
        a = mp.matrix(n + 1, n + 1)
        b = mp.matrix(n + 1, 1)
        for i, (x, fx, wx) in enumerate(xs):
            for j in range(n):
                a[i, j] = x**j
            a[i, n] = (-1) ** i / wx
            b[i] = fx
        sol = mp.lu_solve(a, b)
        c = [sol[j] for j in range(n)]
        err = [(mp.polyval(c[::-1], x) - fx) * wx for x, fx, wx in pts]
        worst = max(abs(e) for e in err)
        if best is None or worst < best[1]:
            best = (c, worst)
        if worst <= abs(sol[n]) * mp.mpf("1.001"):
            break
        runs = []  # the extremum of every run of one sign
        for p, e in zip(pts, err):
            if runs and (e > 0) == (runs[-1][1] > 0):
                if abs(e) > abs(runs[-1][1]):
                    runs[-1] = (p, e)
            else:
                runs.append((p, e))
        while len(runs) > n + 1:
            if len(runs) == n + 2:
                runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
            else:
                i = min(range(len(runs) - 1), key=lambda i: max(abs(runs[i][1]), abs(runs[i + 1][1])))
                del runs[i : i + 2]
        if len(runs) < n + 1:
            break
        xs = [p for p, _ in runs]
    return best


def fit(f, w, n, lo, hi, rounds, grid=240):
    """Coefficients c[0..n-1] of a polynomial near f under weight w, each rounded by `rounds` (one function, or one a
    coefficient; a function may return a pair, whose sum is then the coefficient), and the weighted error reached."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    if callable(rounds):
        rounds = [rounds] * n
    out, g, v = [], f, w
    for i in range(n):
        c, _ = solve(g, v, n - i, lo, hi, grid)
        r = rounds[i](c[0])
        s = sum(r) if isinstance(r, tuple) else r
        out.append(r)
        g = (lambda g, s: lambda x: (g(x) - s) / x)(g, s)
        v = (lambda v: lambda x: v(x) * abs(x))(v)
    flat = [sum(r) if isinstance(r, tuple) else r for r in out]
    worst = 0
    for i in range(3 * grid):
        x = lo + (hi - lo) * (i + mp.mpf("0.41")) / (3 * grid)
        worst = max(worst, abs((mp.polyval(flat[::-1], x) - f(x)) * w(x)))
    return out, worst


def hexa(x, bits):
    """The exact hexadecimal constant."""
    x = float(x)
    if bits == 32:
        assert struct.unpack("f", struct.pack("f", x))[0] == x
    m, e = x.hex().split("p")
    return f"{m.rstrip('0').rstrip('.')}p{e}"


LN2 = mp.log(2)
POW_C = [mp.mpf(n) / 32 for n in (32, 30, 27, 24, 22, 20, 19, 18)]  # powC32 of the float32 power
SMAX = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)  # |s| of m in [√½, √2)


def expm1_tail(r):
    """(e^r - 1 - r)/r²"""
    return (mp.expm1(r) - r) / r**2 if abs(r) > mp.mpf(10) ** -12 else mp.mpf(1) / 2 + r / 6


def exp2_slope(r):
    """(2^r - 1)/r"""
    return mp.expm1(r * LN2) / r if r != 0 else LN2


def log_tail(u):
    """(ln(1+u) - u)/u²"""
    return (mp.log1p(u) - u) / u**2 if abs(u) > mp.mpf(10) ** -12 else -mp.mpf(1) / 2 + u / 3


def atanh_tail(z):
    """(atanh(s) - s)/s³ at s = √z"""
    if z < mp.mpf(10) ** -15:
        return mp.mpf(1) / 3 + z / 5
    s = mp.sqrt(z)
    return (mp.atanh(s) / s - 1) / z


def erf_slope(z):
    """erf(x)/x at x = √z"""
    if z < mp.mpf(10) ** -20:
        return 2 / mp.sqrt(mp.pi) * (1 - z / 3)
    x = mp.sqrt(z)
    return mp.erf(x) / x


def normal_tail(x):
    """Φ(-x)·exp(x²/2)"""
    return mp.erfc(x / mp.sqrt(2)) / 2 * mp.exp(x * x / 2)


def show(name, note, c, err=None, first=None):
    """Print a Go declaration: float32 constants numbered from `first`, or without it a float64 array."""
    note = f"// {note}." + ("" if err is None else f" Weighted error 2^{mp.nstr(mp.log(err, 2), 4)}.")
    if first is None:
        print(f"{note}\nvar {name} = [...]float64{{")
        print("".join(f"\t{hexa(v, 64)},\n" for v in c) + "}\n")
    else:
        print(f"{note}\nconst (")
        print("".join(f"\t{name}{first + i} = {hexa(v, 32)}\n" for i, v in enumerate(c)) + ")\n")


def pair(name, note, v, hi, lo):
    """Print a constant in two parts."""
    a = hi(v)
    print(f"// {note} = {name}Hi + {name}Lo.\nconst (\n\t{name}Hi = {hexa(a, 64)}\n\t{name}Lo = {hexa(lo(v - a), 64)}\n)\n")
    return a + lo(v - a)


def declarations():
    """Print all Go declarations."""
    root = mp.sqrt(2)
    pair("ln2F32", "ln 2, the first part of 17 bits,", LN2, lambda v: rnd(v, 17, -149), f32)
    pair("ln2F64", "ln 2, the first part of 40 bits,", LN2, lambda v: rnd(v, 40, -1074), f64)
    log2e32 = pair("log2eF32", "log₂ e", 1 / LN2, f32, f32)
    pair("log2eF64", "log₂ e", 1 / LN2, f64, f64)
    pair("twoOverLn2", "2/ln 2", 2 / LN2, f64, f64)
    print("// 1/√(2π), nearest in float64.\nconst (")
    print(f"\tinvSqrt2Pi = {hexa(f64(1 / mp.sqrt(2 * mp.pi)), 64)}\n)\n")

    half = LN2 / 2 * mp.mpf("1.002")
    below = lambda k: lambda r: k if r < 0 else 1  # an ULP is half as large below 1, where 2^r and e^r matter most
    w5, w3, w4 = below(5), below(3), below(4)
    slope16 = lambda r: exp2_slope(r) - mp.mpf("0.6875")
    show("exp2C", "2^r = 1 + r(exp2C1 + exp2C2 r + …), |r| ≤ ½", *fit(exp2_slope, lambda r: abs(r) * w5(r), 6, -0.5005, 0.5005, f32), 1)
    show("powE", "The same less 11/16 in the first, |r| ≤ 0.505", *fit(slope16, lambda r: abs(r) * w3(r), 6, -0.505, 0.505, f32), 1)
    show("expC", "e^r = 1 + r + r²(expC2 + expC3 r + …), |r| ≤ ½ ln 2", *fit(expm1_tail, lambda r: r * r * w4(r), 5, -half, half, f32), 2)
    lo, hi = mp.sqrt(mp.mpf(1) / 2) - 1, root - 1
    relative = lambda u: u * u / abs(mp.log1p(u)) if u != 0 else mp.mpf(0)
    show("logC", "ln(1+u) = u + u²(logC2 + logC3 u + …), √½ ≤ 1+u ≤ √2", *fit(log_tail, relative, 9, lo, hi, f32), 2)
    log2_tail = lambda u: ((mp.log1p(u) / LN2 - u * log2e32) / u**2) if abs(u) > mp.mpf(10) ** -9 else (-mp.mpf(1) / 2 + u / 3) / LN2
    show("log2C", "log₂(1+u) = u·log₂ e + u²(log2C2 + log2C3 u + …)", *fit(log2_tail, lambda u: relative(u) * LN2, 9, lo, hi, f32), 2)
    zmax = SMAX**2 * mp.mpf("1.0001")
    show("powLog", "ln(1+r) = r + r²·q(r), |r| ≤ 0.0599", *fit(log_tail, lambda r: r * r, 4, -0.0599, 0.0599, f64))
    show("powLog2C32", "−log₂ of powC32", [f64(-mp.log(c, 2)) for c in POW_C])

    # float64 lanes: Short for results in float32, F64 for float64
    slope = lambda r: r * r / abs(mp.expm1(r)) if r != 0 else mp.mpf(0)
    for name, n in (("expQShort", 6), ("expQF64", 10)):
        show(name, "e^r = 1 + r + r²·q(r), |r| ≤ ½ ln 2", *fit(expm1_tail, slope, n, -half, half, f64))
    show("exp2QF64", "2^r = 1 + r·q(r), |r| ≤ ½", *fit(exp2_slope, abs, 11, -0.5005, 0.5005, f64))
    show("powQF64", "2^r = 1 + r(11/16 + q(r)), |r| ≤ 0.505", *fit(slope16, abs, 11, -0.505, 0.505, f64))
    show("atanhQF64", "atanh s = s + ½s³·q(s²), |s| ≤ (√2−1)/(√2+1)", *twice(fit(atanh_tail, lambda z: z, 8, 0, zmax, f64)))
    for name, n in (("log1pQShort", 5), ("log1pQF64", 10)):
        show(name, "The same for |s| ≤ 1/3", *twice(fit(atanh_tail, lambda z: z, n, 0, mp.mpf("0.1112"), f64)))
    for name, n in (("erfQShort", 6), ("erfQF64", 12)):
        show(name, "erf x = x·q(x²), |x| ≤ 0.75", *fit(erf_slope, lambda z: 1 / erf_slope(z), n, 0, mp.mpf("0.5625"), f64))
    for name, n, c, top in (("tailQShort", 12, 3, 14.5), ("tailQF64", 24, 4, 39)):
        x = lambda t: c * (1 + t) / (1 - t)
        a = (mp.mpf(top) - c) / (mp.mpf(top) + c)
        g = lambda t: normal_tail(x(t)) * (x(t) + c)
        coef, err = solve(g, lambda t: 1 / g(t), n, mp.mpf(-1), a, 300)
        show(name, f"Φ(−x)·exp(x²/2) = q(t)/(x+{c}), t = (x−{c})/(x+{c}), 0 ≤ x ≤ {top}", [f64(v) for v in coef], err)


def twice(fitted):
    return [2 * v for v in fitted[0]], fitted[1]


HEADER = """// Code generated by gen/minimax/fit.py; DO NOT EDIT.

package {package}

// {note}

"""

FILES = (
    ("kernels/internal/portable/coefficients.go", "Coefficients of the definitions, each an exact constant."),
    ("gen/texts/coefficients.go", "Coefficients of the texts, the same as in package portable, each an exact constant."),
)


def main():
    if sys.argv[1:] == []:
        declarations()
        return
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: {sys.argv[0]} [--write]")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        declarations()
    root = pathlib.Path(__file__).resolve().parents[2]
    for name, note in FILES:
        path = root / name
        source = HEADER.format(package=path.parent.name, note=note) + out.getvalue()
        path.write_text(subprocess.run(["gofmt"], input=source, text=True, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
