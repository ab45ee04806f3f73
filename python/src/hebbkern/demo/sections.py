"""Sections of the report: features by competition, feedback, stamina."""

from __future__ import annotations

import numpy as np

from . import features, living
from ._html import image, table
from ._settings import Settings
from .features import Features
from .feedback import LABELS, Feedback
from .living import LivingRun


def features_of(result: Features, settings: Settings, pictures: dict[str, bytes]) -> list[str]:
    """Krotov and Hopfield's rule."""
    rows = [(name, f"{values[-1]:.2%}", f"{max(values):.2%}") for name, values in result.accuracy.items()]
    return [
        "<h2>Features by competition</h2>",
        "<p>Beyond principal components: in the rule of Krotov &amp; Hopfield (<i>PNAS</i> 2019) the unit of the highest "
        f"input I = Wx learns a sample, g = 1, and the second unlearns it, g = −{features.DELTA:g}, without labels:</p>",
        '<p class="eq">ΔW = η S / max|S|, &nbsp; S<sub>ij</sub> = Σ<sub>samples</sub> g<sub>i</sub> (x<sub>j</sub> − '
        "I<sub>i</sub> w<sub>ij</sub>)</p>",
        f"<p>{len(result.w)} units, batches of {features.BATCH}, {settings.feature_epochs} epochs, η from "
        f"{features.RATE:g} to 0, from random weights. Units that win become prototypes of digits, red where the "
        f"digit has ink, blue where its rival has; {np.count_nonzero(result.wins)} of {len(result.w)} units won a sample in the last epoch, the "
        "others are still near their start. The features are max(I, 0)<sup>"
        f"{features.POWER}</sup>; a layer with a softmax reads them, and for comparison the pixels and the same features "
        "of the random weights at the start.</p>",
        table(("linear read-out of", "accuracy", "best"), rows),
        image(pictures, "features.png", "learned weights, and accuracy of the read-outs by epoch"),
    ]


def feedback_of(result: Feedback, settings: Settings, pictures: dict[str, bytes]) -> list[str]:
    """FA_Ex beside backpropagation and feedback alignment."""
    middle = int(np.argmin(np.abs(result.epochs - result.epochs[-1] / 2)))
    rows = [
        (label, f"{run.accuracy[-1]:.2%}", f"{max(run.accuracy):.2%}",
         "–" if np.isnan(run.angles[-1]) else f"{run.angles[-1]:.0f}°",
         f"{result.errors[:, k, middle].mean():.3f}", f"{result.errors[:, k, -1].mean():.3f}")
        for k, (label, run) in enumerate(zip(LABELS, result.runs))
    ]  # fmt: skip
    sizes = "-".join(map(str, result.runs[0].network.sizes))
    return [
        "<h2>Learning by constant feedback</h2>",
        '<p class="eq">ΔW<sub>ij</sub> = −η (Σ<sub>k</sub> B<sub>ik</sub> e<sub>k</sub>) f′(I<sub>i</sub>) x<sub>j</sub></p>',
        "<p>teaches the hidden layer, e the error of the output. In backpropagation (BP) B holds the weights above; in "
        "feedback alignment (FA: Lillicrap et al. 2016) random numbers that stay; in FA_Ex (Konishi, Igarashi &amp; Miura, "
        "<i>Front. Neurosci.</i> 2023) one positive number β, or in FA_Ex-80% −β in a fifth of the places, drawn once. "
        "Where the hidden layer is fixed, only the output layer learns.</p>",
        f"<p>On the images: {sizes} ReLU units, squared error, minibatches of {settings.batch}, rate "
        f"{settings.feedback_lr:g}, {settings.feedback_epochs} epochs from the same weights. On the paper's task, the "
        f"product of the signs of 2 of 102 inputs, 102-20-1 units: means of {len(result.errors)} runs, an epoch being one "
        "update on 8 fresh samples; an error of 1 is that of a network that says 0.</p>",
        table(("feedback", "accuracy", "best", "angle", f"task: e² at {result.epochs[middle]}",
               f"e² at {result.epochs[-1]}"), rows),
        '<p class="note">The angle, at the last epoch, is that between what the hidden layer is taught on test images and '
        "its gradient: 0 for BP. The task has one output, whose error constant feedback carries whole. Of ten outputs "
        "FA_Ex-100% tells every hidden unit only the sum of the errors: compare its accuracy with that of the fixed hidden "
        "layer. With mixed signs the units hear different sums. One run of each on the images.</p>",
        image(pictures, "feedback.png", "accuracy, error and angles by epoch"),
    ]  # fmt: skip


def lives_of(runs: list[LivingRun], settings: Settings, pictures: dict[str, bytes]) -> list[str]:
    """Stamina."""
    rows = [
        (run.label, f"{run.left} of {run.alive[0]}", str(sum(run.died) + run.alive[-1] - run.left),
         f"{run.accuracy[-1]:.2%}", f"{max(run.accuracy):.2%}")
        for run in runs
    ]  # fmt: skip
    _, small, removed, reborn, large = runs
    if large.extinct:
        end = f"all would have died after epoch {len(large.alive)}, which the library refuses: training stopped there, "
        end += "and the accuracy is that of the epoch before."
    else:
        end = f"it leaves {large.alive[-1]} of {large.alive[0]}, and the network can do no more."
    return [
        "<h2>Units that live and die</h2>",
        "<p>Use it or lose it. After each epoch a hidden unit gains the sum of its activities y over the training set as "
        "stamina, and loses a penalty for each sample on which it was silent:</p>",
        '<p class="eq">s<sub>i</sub> ← (1 − α) s<sub>i</sub> + α Σ<sub>samples</sub> (y<sub>i</sub> if y<sub>i</sub> &gt; 0, '
        "else −κ Σ<sub>j</sub> y<sub>j</sub> / n<sub>0</sub>)</p>",
        f"<p>with n<sub>0</sub> the silent units of the sample and α = {living.ALPHA:g}: for κ = 1 a sample adds 0 to the "
        f"layer as a whole. From epoch {living.WARMUP} on, units with s ≤ 0 are removed, and the arrays shrink; or they are "
        "born again, with fresh weights in and none out. "
        f"{'-'.join(map(str, (removed.network.sizes[0], removed.alive[0], 10)))} units, softmax, minibatches of "
        f"{settings.batch}, rate {settings.lr:g}, the same start for all.</p>",
        table(("training", "units left", "deaths", "accuracy", "best"), rows),
        f"<p>The two extremes of the penalty: κ = {small.strength:g} is too small, and "
        f"{'kills no unit' if not sum(small.died) else f'kills {sum(small.died)}, those that are all but silent'}; "
        f"κ = {large.strength:g} is too large: {end} Between them, κ = {removed.strength:g} makes do with "
        f"{removed.alive[-1]} units ({removed.accuracy[-1]:.2%}; {runs[0].accuracy[-1]:.2%} with all and no stamina); with "
        f"rebirth the layer stays whole and units were born again {sum(reborn.died)} times. "
        "<code>hk.stamina.Annealing</code> looks for a κ by an objective.</p>",
        image(pictures, "stamina.png", "units alive, deaths and accuracy by epoch"),
    ]
