"""The suite's own machinery: a wrong peer is caught, a missing one is named, one that crashes stops nobody."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reasons
import report
import roofline
import suite
import targets
import workers
from figures import Figures, in_order, of, size_name
from hebbkern.bench.workloads import BY_NAME
from workers import OURS, OURS_GO, Peer, Worker

FAKE = str(Path(__file__).with_name("fake_peer.py"))
RANK1, SUMS = BY_NAME["rank-1"], BY_NAME["power sums p=2"]


def fake(kind, name=None):
    return Peer(name or kind, program=(sys.executable, FAKE, kind), mend=f"make {kind}")


@pytest.fixture
def run(request):
    """Measures a cell with some peers and gives back its record."""
    started = []

    def measure(*peers, workload=RANK1, runs=1, found=None, offset=0):
        these = [Worker(p, 1) for p in peers]
        started.extend(these)
        for worker in these:
            worker.greet()
        measured = suite.Suite({1: these}, rounds=2, slice_=1e-4, found=found, offset=offset)
        for _ in range(runs):
            measured.measure(suite.Cell(workload, (6, 10), "float32", 1))
        return measured.found

    yield measure
    for worker in started:
        worker.stop()


def only(found):
    (record,) = found.values()
    return record["peers"]


def test_right_ones_are_timed(run):
    peers = only(run(fake("right"), fake("held"), fake("loud")))
    for peer, form in (("right", "in place"), ("right", "slow"), ("held", "held"), ("loud", "loud")):
        entry = peers[peer][form]
        assert "note" not in entry and entry["error"] < 1e-4 and 0 < entry["seconds"][0] < 1
    assert peers["right"]["slow"]["seconds"][0] > peers["right"]["in place"]["seconds"][0]


def test_wrong_ones_are_named_and_not_timed(run):
    peers = only(run(fake("wrong"), fake("right")))
    for form, error in (("nothing", 1.0), ("nine tenths", 0.1)):
        entry = peers["wrong"][form]
        assert entry["seconds"] == [None] and entry["note"].startswith("wrong: error")
        assert math.isclose(entry["error"], error, rel_tol=1e-3)
    assert peers["wrong"]["in place"]["seconds"][0] > 0, "an array that a wrong form has left is set back"


def test_wrong_shape_is_named(run):
    peers = only(run(fake("wrong"), workload=SUMS))
    assert "1 results; 2 are wanted" in peers["wrong"]["shape"]["note"]
    assert list(only(run(fake("right"), workload=SUMS))["right"]) == ["returned"]


def test_what_cannot_run_says_why_and_stops_nobody(run):
    peers = only(run(fake("unable"), fake("crash"), fake("right"), runs=2))
    for form in ("in place", "too"):
        assert all(peers["crash"][form]["seconds"]), "the forms before and after the one that ends the process"
    assert peers["unable"]["absent"]["note"] == "absent: this version has no such thing"
    assert peers["unable"]["broken"]["note"] == "failed: RuntimeError: no memory"
    assert peers["crash"]["crash"]["note"] == "failed: the process ended with status 3"
    assert len([s for s in peers["right"]["in place"]["seconds"] if s]) == 2


def test_missing_peers_are_named(run, tmp_path, capsys):
    gone = Peer("gone", program=(str(tmp_path / "no such program"),), mend="make gone")
    for peer, why in ((fake("unknown"), "No module named 'unknown'"), (gone, "No such file or directory")):
        worker = Worker(peer, 1)
        worker.greet()
        assert why in worker.missing
        assert worker.ask("close") == {"failed": worker.missing}
        worker.stop()
    assert list(only(run(gone, fake("unknown"), fake("right")))) == ["right"]


def test_all_missing_is_still_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "PEERS", tuple(fake("unknown", p.name) for p in workers.PEERS))
    these = suite.start(1)
    found = {}
    suite.Suite({1: these}, 1, 1e-4, found).measure(suite.Cell(RANK1, (6, 10), "float32", 1))
    text = "\n".join(report.page(results(found, {w.peer.name: w for w in these}), None, None))
    for peer in workers.PEERS:
        assert f"- {peer.name}: **missing** (ImportError: No module named 'unknown'); make unknown" in text


def results(found, started=None, avx512=True):
    machine = {**suite.machine(), "avx512": avx512}
    known = {
        n: {"missing": w.missing, "mend": w.peer.mend, "versions": w.versions, "blas": w.blas}
        for n, w in (started or {}).items()
    }
    return {"cells": found, "machine": machine, "peers": known, "commands": ["suite.py"], "load": 0.0}


def test_later_runs_leave_out_the_hopeless_but_not_us(run, monkeypatch):
    monkeypatch.setattr(suite, "LONG", 1e-3)
    peers = only(run(fake("right"), runs=3))
    first, second, third = peers["right"]["slow"]["seconds"]
    assert first and second is None and third is None
    assert all(peers["right"]["in place"]["seconds"])
    peers = only(run(fake("right", OURS), runs=2))
    assert all(peers[OURS]["slow"]["seconds"])


def test_runs_can_be_added(run):
    found = run(fake("right"))
    found = run(fake("right"), fake("held"), found=json.loads(json.dumps(found)))
    record = next(iter(found.values()))
    assert len(record["limits"]) == 2 and record["peers"]["held"]["held"]["seconds"][0] is None


def test_offset_of_arrays(run):
    for offset in (0, 16):
        assert only(run(fake("right"), offset=offset))["right"]["in place"]["error"] < 1e-4
    from peers import empty

    assert [empty((3, 5), np.float32, n).ctypes.data % 64 for n in (0, 16)] == [0, 16]


def test_environment_of_workers(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "512")
    env = workers.environment(2)
    assert "OPENBLAS_CORETYPE" not in env and "OPENBLAS_L2_SIZE" not in env and env["OMP_NUM_THREADS"] == "2"


def cell(workload, shape, seconds, limits=None, threads=1):
    """A record; seconds: peer → form → list of runs."""
    runs = max(len(s) for forms in seconds.values() for s in forms.values())
    peers = {p: {f: {"seconds": s, "error": 0.0} for f, s in forms.items()} for p, forms in seconds.items()}
    return {f"{workload}|{shape}|{threads}": {"workload": workload, "shape": list(shape), "dtype": "float32", "threads": threads,
            "limits": [limits or {}] * runs, "peers": peers}}  # fmt: skip


def test_figures():
    found = cell(
        "online Oja", (1024, 1024),
        {OURS: {"samples": [2.0, 3.0], "blocked 64": [1.0, None]}, "NumPy": {"samples": [9.0, None], "blocked 64": [4.0, 5.0]},
         "Gonum": {"Gemv, Scal, Ger": [0.5, 0.5]}},
        {"fma": 1e-9},
    )  # fmt: skip
    f = Figures(results(found))
    record = f.cell("online Oja", (1024, 1024))
    assert f.ours(record, 0) == 1.0 and f.ours(record, 0, accept=in_order) == 2.0 and f.ours(record, 1) == 3.0
    assert f.best_peer(record, 0) == (4.0, "NumPy", "blocked 64"), "Python's peers, where none is named"
    assert f.best_peer(record, 1, of("Gonum")) == (0.5, "Gonum", "Gemv, Scal, Ger")
    assert f.best_peer(record, 1, in_order) is None
    assert math.isclose(f.bound(record, 0), 2 * 1024**2 * 1000 * 1e-9)
    assert [size_name(s) for s in ((1024, 1024), (64, 784), (8,), (1 << 22,), (4, 4, 3))] == ["1024²", "64×784", "8", "4 M", "4×4×3"]


def test_bounds():
    limits = {"read": 1e-3, "sqrt": 2e-9}
    f = Figures(results(cell("power sums p=1.5", (1024, 1024), {OURS: {"x": [1.0]}}, limits)))
    record = f.cell("power sums p=1.5", (1024, 1024))
    assert math.isclose(f.bound(record, 0), 2e-9 * 1024**2), "the square roots, where they take longer than the memory"
    record["limits"] = [{"read": 1.0, "sqrt": 2e-9}]
    assert f.bound(record, 0) == 1.0
    record["limits"] = [{}]
    assert f.bound(record, 0) is None


@pytest.mark.parametrize(
    ("times", "verdict"),
    [([1, 1, 1, 2, 2], "met"), ([1, 1, 2, 2, 2], "**not met**"), ([1], "met"), ([2], "**not met**")],
)
def test_three_runs_of_five(times, verdict):
    found = cell("STDP, 5 % spikes", (400, 100), {OURS: {"one call": times}, "Numba": {"events": [1.5] * len(times)}})
    (target,) = [t for t in targets.targets(Figures(results(found))) if t.what.startswith("STDP")]
    assert target.verdict == verdict and len(target.figures) == len(times)


def test_targets_name_what_is_not_there():
    found = {
        **cell("online SoftHebb", (64, 784), {"NumPy": {"samples": [1.0]}}),
        **cell("rank-1", (1024, 1024), {OURS: {"one pass": [1.0]}}),
    }
    said = {(t.what, t.size, t.wanted): t.verdict for t in targets.targets(Figures(results(found)))}
    assert said["online SoftHebb", "64×784", "≥ 1.5 × the best peer of either form"] == "not in this version"
    assert said["rank-1", "1024²", "≥ 1 × the best peer"] == "no such peer here"
    assert said["scale", "1024²", "≥ 1 × the best peer"] == "not measured"


def test_slower_with_two_threads_is_found():
    found = {
        **cell("EMA", (1024,), {OURS: {"one pass": [1.0, 1.0]}}),
        **cell("EMA", (1024,), {OURS: {"one pass": [1.0, 1.2]}}, threads=2),
    }
    (target,) = [t for t in targets.targets(Figures(results(found))) if "never slower" in t.wanted]
    assert target.figures == [1.0, 1.2] and target.held == 1 and "EMA 1024" in target.note


def test_rules_are_compared_with_their_kernels():
    shape, long = (64, 784), (targets.LONG_SANGER, targets.LONG_PRODUCTS)
    found = {
        **cell("rule Hebb", shape, {OURS: {"samples": [1.2, 1.5]}, OURS_GO: {"kernels": [1.0, 1.0]}}),
        **cell("online Oja", shape, {OURS: {"samples": [1.5], "blocked 64": [0.5]}, OURS_GO: {"kernels": [1.0]}}),
        **cell(long[0], shape, {OURS: {"blocked 256": [2.0], "blocked 512": [1.4]}}),
        **cell(long[1], shape, {OURS: {"two calls": [1.1]}, OURS_GO: {"two calls": [1.0]}}),
    }
    judged = {(t.what, t.size): t for t in targets.rule_targets(Figures(results(found)))}
    hebb, oja, sanger = (judged[name, "64×784"] for name in ("rule Hebb", "online Oja", long[0]))
    assert hebb.figures == [1.2, 1.5] and hebb.held == 1
    assert oja.figures == [1.5] and not oja.met, "in order, though blocks are faster"
    assert sanger.figures == [1.4] and sanger.met
    assert judged["rule Sanger", "1024²"].verdict == "not measured"
    text = "\n".join(report.page(results(found), None, None))
    assert "| Hebb | 64×784 | 833 | 1,000 | 1.35 | ≤ 1.3 × its kernels | 1/2 | **not met** | 1.20 1.50 |  |" in text
    assert f"| {long[0]} | 64×784 | 42,857 | 60,000 | 1.40 | ≤ 1.5 × its two products | 1/1 | met | 1.40 |  |" in text


def test_what_does_not_apply_to_the_machine_says_so():
    for wide, low in ((True, 2.5), (False, 10)):
        judged = targets.targets(Figures(results({}, avx512=wide)))
        powers = [t for t in judged if t.what == "power sums p=1.3"]
        assert {t.low: t.applies for t in powers} == {2.5: wide, 10: not wide} and powers[0].low == 2.5
        assert {t.verdict for t in powers} == {"not measured", "not applicable here"}


REASONS = """
[[missed]]
target = "rank-1"
wanted = "best peer"
sizes = ["1024²"]
reason = "stores wait, 1.3 cycles each"
"""


def test_reasons_stand_beside_what_is_missed(tmp_path):
    file = tmp_path / "reasons.toml"
    file.write_text(REASONS)
    why = reasons.load(file)
    peers = {OURS: {"x": [2.0]}, "NumPy": {"y": [1.0]}}
    missed = results(cell("rank-1", (1024, 1024), peers))
    assert "**not met** | 0.50 | NumPy, y | stores wait, 1.3 cycles each |" in "\n".join(report.page(missed, None, None, why))
    assert reasons.stale(report.all_targets(missed), why) == []
    met = results(cell("rank-1", (1024, 1024), {**peers, OURS: {"x": [0.5]}}))
    assert "stores wait" not in "\n".join(report.page(met, None, None, why))
    assert reasons.stale(report.all_targets(met), why) == ["rank-1 1024²: met"]
    assert reasons.stale(report.all_targets(results({})), why) == ["rank-1 1024²: no such target was measured"]
    for text, what in (('sizes = ["8"]\n', "reason"), ('reason = " "\n', "empty"), ('reason = "a"\nsize = "8"\n', "size")):
        file.write_text('[[missed]]\ntarget = "rank-1"\n' + text)
        with pytest.raises(ValueError, match=what):
            reasons.load(file)


def test_reasons_in_the_repository_are_of_what_its_results_miss():
    committed = json.loads((reasons.FILE.parent / "suite.json").read_text(encoding="utf-8"))
    assert reasons.stale(report.all_targets(committed), reasons.load()) == []


def test_a_weak_limit_is_found():
    limits = {"read+write": 1.0}
    assert (
        report.weak_limits(Figures(results(cell("rank-1", (1024, 1024), {OURS: {"x": [0.98, 0.9, 0.98]}}, limits))))
        == []
    )
    assert report.weak_limits(
        Figures(results(cell("rank-1", (1024, 1024), {OURS: {"x": [0.9, 0.9, 0.98]}}, limits)))
    ) == ["rank-1 1024² float32 ×1"]


def test_report_and_roofline(tmp_path):
    found = cell(
        "rank-1", (1024, 1024),
        {OURS: {"one pass": [1e-4, 2e-4]}, "NumPy": {"whole": [3e-4, None], "chunks": [2e-4, 3e-4]}, "Numba": {"loop": [1e-4, 1e-4]}},
        {"read+write": 9e-5, "fma": 1e-11},
    )  # fmt: skip
    found |= cell("rule Hebb", (64, 784), {OURS: {"samples": [1.0]}})  # no part of the picture
    next(iter(found.values()))["peers"]["JAX"] = {
        "jit": {"seconds": [None, None], "error": 0.5, "note": "wrong: error 5.0e-01"}
    }
    started = {n: replace_worker(n) for n in ("NumPy", "Numba", "JAX")}
    text = "\n".join(report.page(results(found, started), None, None))
    assert "| rank-1 | 1024² | float32 | 100.00 µs | 0.68 | – | ×0.75 | Numba, loop |" in text
    assert "| rank-1 | 1024² | 100.00 µs | – | ×2.00 | ×1.00 | – |" in text
    assert "- JAX, jit: wrong: error 5.0e-01 (rank-1 1024² float32 ×1)" in text
    assert roofline.plot(Figures(results(found)), tmp_path / "roofline.png")
    assert (tmp_path / "roofline.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not roofline.plot(Figures(results(cell("EMA", (8,), {OURS: {"x": [1.0]}}))), tmp_path / "none.png")


def replace_worker(name):
    worker = Worker(replace(fake("right"), name=name), 1)
    worker.greet()
    worker.stop()
    return worker


def test_cells_of_the_quick_suite_are_a_part():
    every, quick = ({c.key for c in suite.cells([1], q, "")} for q in (False, True))
    assert quick < every and len(every) > 3 * len(quick) > 60
    assert {c.key for c in suite.cells([1, 2], False, "STDP,")} == {
        f"STDP, 5 % spikes|400x100|float32|{n}" for n in (1, 2)
    }
