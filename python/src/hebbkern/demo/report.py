"""The report: one HTML file with everything in it."""

from __future__ import annotations

import datetime
import os
import platform
from dataclasses import dataclass
from html import escape

import numpy as np

from .. import __version__, cpu_info
from . import hebbian, sections
from ._html import STYLE, image, table
from ._settings import SEED, Data, Settings
from .balancing import Run
from .features import Features
from .feedback import Feedback
from .gain import GainRun
from .hebbian import Components
from .living import LivingRun
from .timing import Step, blas_can_be_set

@dataclass
class Results:
    """All that the demo found."""

    settings: Settings
    data: Data
    components: Components
    features: Features
    runs: list[Run]
    gains: list[GainRun]
    feedback: Feedback
    lives: list[LivingRun]
    times: list[Step]
    seconds: float = 0.0


def duration(seconds: float) -> str:
    """A time in a unit that suits it."""
    units = (("s", 1.0), ("ms", 1e3), ("µs", 1e6))
    unit, factor = next((pair for pair in units if seconds * pair[1] >= 1), units[-1])
    return f"{seconds * factor:.3g} {unit}"


def table_lines(steps: list[Step]) -> list[str]:
    """The times as text for a terminal."""
    head = ("step", "size", "hebbkern", "NumPy", "NumPy/hebbkern", "differ by")
    rows = [head, *((*_cells(step),) for step in steps)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    return [
        "  ".join(cell.ljust(width) if k < 2 else cell.rjust(width) for k, (cell, width) in enumerate(zip(row, widths)))
        for row in rows
    ]


def _cells(step: Step) -> tuple[str, ...]:
    ours, theirs = step.seconds
    return (step.name, step.detail, duration(ours), duration(theirs), f"{step.ratio:.2f}", f"{step.apart:.0e}")


def machine() -> list[tuple[str, str]]:
    """What the numbers were measured on."""
    info = cpu_info()
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            names = [line.split(":", 1)[1].strip() for line in f if line.lower().startswith("model name")]
        model = names[0] if names else model
    except OSError:
        pass
    return [
        ("processor", f"{model}, {os.cpu_count()} processors seen by the system"),
        ("hebbkern", f"{__version__}, path {info['isa']}, {info['threads']} threads"),
        ("NumPy", f"{np.__version__}, {_blas()}"),
        ("load", f"{os.getloadavg()[0]:.1f} on average over the last minute, this run included"),
        ("system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("made", datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")),
    ]


def _blas() -> str:
    try:
        import threadpoolctl  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return "its BLAS with the threads it takes by default"
    pools = [p for p in threadpoolctl.threadpool_info() if p.get("user_api") == "blas"]
    return ", ".join(f"{p['internal_api']} with {p['num_threads']} threads" for p in pools) or "no BLAS found"


def page(results: Results, pictures: dict[str, bytes]) -> str:
    """The report as HTML."""
    settings, data = results.settings, results.data
    parts = [
        f"<h1>hebbkern on {escape(settings.title)}</h1>",
        f"<p>{len(data.x)} images for training, {len(data.x_test)} for the test; seed {SEED}; "
        f"{results.seconds:.0f} s in all. "
        + ("The images are the test set of UCI “Optical Recognition of Handwritten Digits” (Alpaydin &amp; Kaynak 1998, "
           "CC BY 4.0), split at random.</p>" if settings.side == 8 else "The images are MNIST (LeCun et al. 1998).</p>"),
        *_components(results.components, settings, pictures),
        *sections.features_of(results.features, settings, pictures),
        *_balancing(results, pictures),
        *_gains(results, pictures),
        *sections.feedback_of(results.feedback, settings, pictures),
        *sections.lives_of(results.lives, settings, pictures),
        *_times(results),
        "<h2>Machine</h2>",
        table(("", ""), machine()),
    ]  # fmt: skip
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>hebbkern on {escape(settings.title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _components(result: Components, settings: Settings, pictures: dict[str, bytes]) -> list[str]:
    angles, constant, oja = result.angles[-1], result.constant[-1], result.oja_angles[-1]
    epochs = len(result.angles)
    shown = sorted({0, epochs // 10, epochs // 4, epochs // 2, 3 * epochs // 4, epochs - 1})
    rows: list[tuple[str, ...]] = [
        (str(e + 1), *(f"{v:.2f}°" for v in (np.median(result.angles[e]), result.angles[e].max(), result.constant[e].max())))
        for e in shown
    ]
    return [
        "<h2>Components by Hebbian learning</h2>",
        "<p>Online, a sample at a time, on centred images, y = Wx computed inside. Oja's rule (1982)</p>",
        '<p class="eq">Δw<sub>ij</sub> = η y<sub>i</sub> (x<sub>j</sub> − y<sub>i</sub> w<sub>ij</sub>)</p>',
        "<p>takes every row, on its own, to ± the first principal component with norm 1; Sanger's rule (1989)</p>",
        '<p class="eq">Δw<sub>ij</sub> = η y<sub>i</sub> (x<sub>j</sub> − Σ<sub>k≤i</sub> y<sub>k</sub> w<sub>kj</sub>)</p>',
        f"<p>takes the rows to the leading components in order. With a constant η both only come near, so η falls "
        f"geometrically, from {result.rate:.3g} (0.5 by the total variance of the data) to "
        f"{result.rate / hebbian.FALL:.3g}, over {epochs} epochs. "
        f"At the end the principal angles between the span of Sanger's {len(result.exact)} rows and the exact subspace are "
        f"{angles.min():.2f}° to <b>{angles.max():.2f}°</b>; with η = {hebbian.CONSTANT * result.rate:.3g} held constant, up to "
        f"{constant.max():.2f}°. Oja's rows lie {oja.min():.2f}° to {oja.max():.2f}° from the first component.</p>",
        table(("epoch", "median angle", "largest angle", "largest, constant η"), rows),
        image(pictures, "angles.png", "principal angles by epoch"),
        image(pictures, "components.png", "exact and learned components"),
        '<p class="note">Two components whose variances λ are nearly equal can turn within the plane that they span: a row '
        "may be far from its component while the subspace is right. The signs of components are free; they are made to "
        "agree here. Angles are computed from their sines (Björck &amp; Golub 1973).</p>",
    ]


def _balancing(results: Results, pictures: dict[str, bytes]) -> list[str]:
    settings = results.settings
    rows: list[tuple[str, ...]] = []
    for run in results.runs:
        one, two = (run.deficits[p][-1] for p in (1.0, 2.0))
        if run.p is None:
            balanced, change, wide = "–", "–", "–"
        else:
            balanced, change, wide = f"{run.balanced[-1]:.1e}", f"{run.change:.1e}", f"{run.wide_change:.1e}"
        rows.append((run.label, f"{run.accuracy[-1]:.2%}", f"{max(run.accuracy[1:]):.2%}", f"{run.loss[-1]:.4f}",
                     f"{one:.4g}", f"{two:.4g}", balanced, change, wide))  # fmt: skip
    sizes = "-".join(map(str, results.runs[0].network.sizes))
    return [
        "<h2>Balancing</h2>",
        "<p>A hidden ReLU unit computes the same when its incoming weights and bias are multiplied by λ &gt; 0 and its "
        "outgoing weights divided by it. Balancing (Baldi, Alexos, Domingo &amp; Rahmansetayesh, <i>Artificial "
        "Intelligence</i> 2025) chooses all λ so that each unit's cost in equals its cost out,</p>",
        '<p class="eq">A<sub>i</sub> = Σ<sub>in</sub> |w|<sup>p</sup> = Σ<sub>out</sub> |w|<sup>p</sup> = B<sub>i</sub>'
        ", &nbsp; alone: λ = (B/A)<sup>1/(2p)</sup></p>",
        "<p>which is the unique least cost among all networks of that form that compute the same. The deficit of a network "
        "is Σ (A<sub>i</sub> − B<sub>i</sub>)².</p>",
        f"<p>A {sizes} classifier (ReLU, softmax), minibatches of {settings.batch}, rate {settings.lr:g}, "
        f"{settings.epochs} epochs, three times from the same start in the same order of samples: without balancing, and "
        "balanced before the first epoch and after every epoch for p = 1 and p = 2.</p>",
        table(("training", "accuracy", "best", "loss", "deficit p = 1", "deficit p = 2", "balanced", "change, float32",
                "change, float64"), rows),
        '<p class="note">Accuracy on the test set at the last epoch, and the best of all epochs; loss on the training set '
        "over the last epoch; deficits as the last epoch's training left them, “balanced”: after balancing, for the run's "
        "own p. “Change” is the largest relative change of the outputs over the test set, max|Δ|/max|y| of a sample: in "
        "float32 over all balancings, in float64 for the first. It is rounding. For p = 2 gradient flow alone conserves A − B of "
        "a ReLU unit, its bias counted in A (Du, Hu &amp; Lee 2018): training hardly moves the deficit. One run of each says "
        "nothing about which trains better.</p>",
        image(pictures, "balancing.png", "accuracy and deficit by epoch"),
    ]  # fmt: skip


def _gains(results: Results, pictures: dict[str, bytes]) -> list[str]:
    settings = results.settings
    plain = results.runs[0]
    rows: list[tuple[str, ...]] = [
        ("no rule", f"{plain.accuracy[-1]:.2%}", "–", f"{max(float(np.abs(w).max()) for w in plain.network.weights):.3g}",
         f"{plain.deficits[2.0][-1]:.4g}", "–")
    ]  # fmt: skip
    for run in results.gains:
        medians = ", ".join(f"{np.median(sigma):.3f}" for sigma in run.gains[-1])
        change = "–" if run.change is None else f"{run.change:.1e}"
        rows.append((run.label, f"{run.accuracy[-1]:.2%}", medians, f"{run.largest[-1]:.3g}", f"{run.deficit[-1]:.4g}", change))
    return [
        "<h2>The gain rule in training</h2>",
        f"<p>After each minibatch the average gains σ ← α f(I) + (1 − α) σ (α = {settings.gain_alpha:g}) see it; then</p>",
        '<p class="eq">w<sub>ij</sub> ← w<sub>ij</sub> + η (σ<sub>j</sub>² − σ<sub>i</sub>²) w<sub>ij</sub> &nbsp; or &nbsp; '
        "w<sub>ij</sub> ← w<sub>ij</sub> exp(η (σ<sub>j</sub>² − σ<sub>i</sub>²))</p>",
        f"<p>with η = {settings.gain_lr:g}. The linear form is a note's rule as written there; it has no balanced fixed "
        f"point, so the weights are held in |w| ≤ {settings.gain_limit:g}. The exponential form with σ = 0 for input and "
        "output units leaves what a ReLU network computes unchanged. Neither is a way to balance a network: compare the "
        "deficits.</p>",
        table(("training", "accuracy", "median gain by layer", "max |w|", "deficit p = 2", "change by one step"), rows),
        image(pictures, "gains.png", "gains, accuracy, largest weight and deficit by epoch"),
    ]


def _times(results: Results) -> list[str]:
    head = ("step", "size", "hebbkern", "NumPy", "NumPy/hebbkern", "differ by")
    threads = "of one thread and of all, for each of the two" if blas_can_be_set() else "with the default threads of each"
    return [
        "<h2>Times</h2>",
        "<p>Each step as the demo takes it, and the same algorithm in NumPy: vectorised, in place, into arrays made "
        f"beforehand (<code>hebbkern.demo.numpy_reference</code>). float32; {results.settings.rounds} rounds, both in "
        f"turn in each; the minimum counts, {threads}. Above 1 in the fifth column hebbkern is faster, below 1 NumPy. "
        "The last column is the largest difference of the two results, relative to their largest number.</p>",
        table(head, [_cells(step) for step in results.times]),
        f'<p class="note">hebbkern took its path “{cpu_info()["isa"]}”. On matrices this small much of the time is '
        "overhead of the calls. Larger matrices, against the limits of the machine: <code>make bench</code>.</p>",
    ]
