"""The command line: ``python -m hebbkern demo|train|bench|info``; ``--help`` after each lists its arguments.

Exit codes: 0 done, 1 something is missing, wrong or cannot be written (the message says what and how to mend it), 2 wrong
arguments, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Sequence

DONE, FAILED, STOPPED = 0, 1, 130


def parser() -> argparse.ArgumentParser:
    """The arguments of the command line."""
    top = argparse.ArgumentParser(prog="python -m hebbkern", description="Hebbian learning and neural balance.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo",
        help="learn, balance and draw on handwritten digits",
        description="Learns components by Oja's and Sanger's rules and features by competition, trains classifiers with "
        "and without balancing, with the gain rule, by constant feedback, and with units that die and are born again, times "
        "each step beside NumPy, and writes pictures and report.html.",
    )
    demo.add_argument(
        "--data",
        choices=("digits", "mnist"),
        default="digits",
        help="digits: 8x8, in the package (default); mnist: 28x28, which `make data` brings",
    )
    demo.add_argument("--folder", help="where the MNIST files are (default: $HEBBKERN_DATA, else data)")
    demo.add_argument("--out", default="out", help="folder for the pictures and the report (default: out)")
    demo.add_argument("--quick", action="store_true", help="a few epochs on a part of the data: a try of seconds")
    train = commands.add_parser(
        "train",
        help="run a configuration file",
        description="Trains layers and a network as a TOML file says (its keys: python -c 'import hebbkern.train; "
        "help(hebbkern.train)'), on NPY, NPZ, IDX or CSV files, and writes checkpoint, curves and report into its "
        "run.folder. The same command again goes on from the checkpoint.",
    )
    train.add_argument("config", help="the TOML file")
    train.add_argument("--fresh", action="store_true", help="start anew, whatever checkpoint there is")
    bench = commands.add_parser(
        "bench",
        help="time the kernels beside NumPy",
        description="Times kernels and rules beside NumPy at its best, float32, each result checked in float64 first, "
        "in some seconds. The suite against other libraries and the limits of the machine is `make bench` in "
        "the repository.",
    )
    bench.add_argument("--threads", type=_threads, default=1, help="of hebbkern and of NumPy's BLAS (default: 1)")
    bench.add_argument("--only", default="", metavar="TEXT", help="only workloads whose name contains this")
    commands.add_parser("info", help="what was dispatched: instruction set, features, threads, version, library")
    return top


def _threads(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{value}: 1 to 1024 is wanted")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "info":
        return _info()
    if options.command == "bench":
        return _bench(options.threads, options.only)
    if options.command == "train":
        return _train(options)
    return _demo(options)


def _info() -> int:
    from . import cpu_info
    from ._lib import LIBRARY

    found = cpu_info()
    found["features"] = " ".join(found["features"])
    for name, value in {**found, "library": LIBRARY, "python": sys.version.split()[0]}.items():
        print(f"{name + ':':10}{value}")
    return DONE


def _bench(threads: int, only: str) -> int:
    # NumPy's BLAS reads its number of threads when it is loaded, and here it is: the timing is done by a child.
    if os.environ.get("HEBBKERN_BENCH_CHILD") != str(threads):
        names = ("HEBBKERN", "OMP", "OPENBLAS", "MKL")
        settings = {"HEBBKERN_BENCH_CHILD": str(threads), **{f"{name}_NUM_THREADS": str(threads) for name in names}}
        command = [sys.executable, "-m", "hebbkern", "bench", "--threads", str(threads), "--only", only]
        try:
            return subprocess.run(command, env={**os.environ, **settings}).returncode
        except KeyboardInterrupt:  # the child has it too, and has said so
            return STOPPED
    import numpy as np

    from . import cpu_info
    from .bench import quick

    try:
        print(
            f"hebbkern {cpu_info()['version']} ({cpu_info()['isa']}), NumPy {np.__version__}, float32, threads: {threads}",
            flush=True,
        )
        for line in quick.lines(quick.measure(only)):
            print(line, flush=True)
    except KeyboardInterrupt:
        print("\nhebbkern bench: stopped by Ctrl-C", file=sys.stderr)
        return STOPPED
    except quick.BenchError as error:
        print(f"hebbkern bench: {error}", file=sys.stderr)
        return FAILED
    return DONE


def _train(options: argparse.Namespace) -> int:
    try:
        from . import DivergenceError, train

        for path in train.run(train.read_config(options.config), fresh=options.fresh):
            print(f"written: {path}")
    except KeyboardInterrupt:
        print("\nhebbkern train: stopped by Ctrl-C; the same command goes on from the last epoch saved", file=sys.stderr)
        return STOPPED
    except (train.TrainError, DivergenceError) as error:
        print(f"hebbkern train: {error}", file=sys.stderr)
        return FAILED
    return DONE


def _demo(options: argparse.Namespace) -> int:
    try:
        from . import demo
    except KeyboardInterrupt:
        return _stopped([])
    writer = demo.Writer(options.out)
    try:
        demo.run(options.data, writer, folder=options.folder, quick=options.quick)
    except KeyboardInterrupt:
        return _stopped(writer.written)
    except demo.DemoError as error:
        print(f"hebbkern demo: {error}", file=sys.stderr)
        return FAILED
    return DONE


def _stopped(written: Sequence[object]) -> int:
    kept = "written so far: " + ", ".join(map(str, written)) if written else "nothing was written yet"
    print(f"\nhebbkern demo: stopped by Ctrl-C; {kept}", file=sys.stderr)
    return STOPPED


if __name__ == "__main__":
    sys.exit(main())
