"""The course of the demo."""

from __future__ import annotations

import importlib.util
import os
import sys
import time

from . import _settings
from ._progress import Progress
from ._writer import DemoError, Writer


def run(name: str, writer: Writer, *, folder: str | os.PathLike[str] | None = None, quick: bool = False) -> None:
    """Learn, balance, train in several ways, time, draw and report.

    Parameters
    ----------
    name : "digits" or "mnist"
    writer : Writer
        Takes the files.
    folder : path, optional
        Of the MNIST files; see `datasets.load_mnist`.
    quick : bool
        A few epochs on a part of the data.

    Raises
    ------
    DemoError
        matplotlib or the data are missing, or the folder cannot be written.
    KeyboardInterrupt
        Ctrl-C; `writer.written` names the files that are there.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise DemoError(
            f"the pictures need matplotlib, which is not installed; install it with: {sys.executable} -m pip install matplotlib"
        )
    from . import balancing, features, feedback, gain, hebbian, living, report, timing

    begin = time.perf_counter()
    settings, data = _settings.load(name, folder, quick)
    writer.prepare()
    total = sum(part.weight(settings) for part in (hebbian, balancing, gain, living, features))
    with Progress(total + feedback.weight(settings, data) + timing.WEIGHT) as progress:
        progress.say(
            f"{settings.title}: {len(data.x)} images for training, {len(data.x_test)} for the test; seed {_settings.SEED}"
        )
        components = hebbian.learn(settings, data, progress)
        writer.picture("components.png", hebbian.draw_components(components, settings))
        writer.picture("angles.png", hebbian.draw_angles(components))
        competing = features.learn(settings, data, progress)
        writer.picture("features.png", features.draw(competing, settings))
        runs = balancing.train_all(settings, data, progress)
        writer.picture("balancing.png", balancing.draw(runs))
        gains = gain.train_all(settings, data, progress)
        writer.picture("gains.png", gain.draw(gains, runs[0], settings))
        taught = feedback.learn(settings, data, progress)
        writer.picture("feedback.png", feedback.draw(taught, settings))
        lives = living.train_all(settings, data, progress)
        writer.picture("stamina.png", living.draw(lives))
        times = timing.measure(settings, data, progress)
    results = report.Results(settings, data, components, competing, runs, gains, taught, lives, times)
    for line in report.table_lines(times):
        print(line)
    results.seconds = time.perf_counter() - begin
    writer.file("report.html", report.page(results, writer.pictures).encode())
    print(f"{results.seconds:.0f} s; the report is {writer.folder / 'report.html'}")
