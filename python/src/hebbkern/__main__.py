"""The command line: ``python -m hebbkern demo [--data digits|mnist] [--folder DIR] [--out out] [--quick]``.

Exit codes: 0 done, 1 something is missing or cannot be written (the message says what and how to mend it), 2 wrong
arguments, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
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
        description="Learns components by Oja's and Sanger's rules, trains classifiers with and without balancing and "
        "with the gain rule, times each step beside NumPy, and writes pictures and report.html.",
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
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parser().parse_args(arguments)
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
