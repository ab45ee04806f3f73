"""Forked children load a copy of the library of their own.

Each test is a script in a process of its own, with a time limit: what goes wrong here hangs.
"""

import subprocess
import sys
import textwrap

import pytest

START = """
import os, sys, threading, time
import numpy as np
import hebbkern as hk

def result():
    random = np.random.default_rng(3)
    w = random.standard_normal((600, 700)).astype(np.float32)
    hk.rank1(w, w[:, 0].copy(), w[0].copy(), decay=0.5)
    return w.tobytes() + hk.forward(w, w[:3].copy(), activation="tanh").tobytes() + hk.power_sums(w, 1.7).tobytes()

def wait(pid):
    status = os.waitpid(pid, 0)[1]
    assert status == 0, f"the child ended with {status}"

def child(body):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            body()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return pid

want = result()
"""


def run(script, **environment):
    import os

    # forking a process that has threads is what is tested here; Python 3.12 and later warn of it
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", START + textwrap.dedent(script)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_child_and_parent():
    run("""
        def body():
            assert result() == want
            assert result() == want
        pid = child(body)
        assert result() == want  # the parent goes on
        wait(pid)
        wait(child(body))
        assert result() == want
    """)


def test_nested_forks():
    run("""
        def body(depth):
            assert result() == want
            if depth:
                wait(child(lambda: body(depth - 1)))
            assert result() == want
        for _ in range(2):  # siblings as well
            wait(child(lambda: body(5)))
    """)


def test_nested_forks_without_calls_between():
    run("""
        def body(depth):
            if depth:
                wait(child(lambda: body(depth - 1)))
            if depth % 2 == 0:
                assert result() == want
        wait(child(lambda: body(6)))
    """)


def test_the_thread_count_goes_along():
    run("""
        default = hk.get_num_threads()
        hk.set_num_threads(default + 2)
        def body():
            assert hk.get_num_threads() == default + 2
            hk.set_num_threads(1)
            def grandchild():
                assert result() == want
                assert hk.get_num_threads() == 1
            wait(child(grandchild))
        wait(child(body))
        assert hk.get_num_threads() == default + 2
    """)


def test_first_call_from_several_threads_of_the_child():
    run("""
        def body():
            results = []
            threads = [threading.Thread(target=lambda: results.append(result())) for _ in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert results == [want] * 8
        wait(child(body))
    """)


def test_fork_while_another_thread_is_in_a_call():
    run("""
        stop = False
        def busy():
            w = np.ones((1500, 1500))
            while not stop:
                hk.power_sums(w, 2.7)
        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads: thread.start()
        time.sleep(0.05)
        for k in range(10):
            time.sleep(0.003 * k)
            def body():
                assert result() == want
                wait(child(lambda: None if result() == want else 1 / 0))
            wait(child(body))
        stop = True
        for thread in threads: thread.join()
        assert result() == want
    """)


def test_fork_while_another_thread_loads_its_copy():
    run("""
        def body():
            thread = threading.Thread(target=result)  # holds the lock of the loading for some milliseconds
            thread.start()
            for _ in range(5):
                wait(child(lambda: None if result() == want else 1 / 0))
            thread.join()
            assert result() == want
        for _ in range(4):
            wait(child(body))
    """)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, tmp_path):
    # spawn imports the main module again, so it must be a file
    script = tmp_path / "script.py"
    body = f"""
    if __name__ == "__main__":
        import multiprocessing
        hk.set_num_threads(2)
        context = multiprocessing.get_context("{method}")
        with context.Pool(3) as pool:
            assert pool.map(task, range(12)) == [want] * 12
    """
    script.write_text(START + "def task(k):\n    return result()\n" + textwrap.dedent(body))
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("missing", ["memfd", "proc"])
def test_temporary_copy(missing):
    """Without memfd_create, or without /proc, a temporary file takes its place and is gone afterwards."""
    run(f"""
        import glob, tempfile
        if "{missing}" == "memfd":
            def refuse(*arguments): raise OSError("no memfd")
            os.memfd_create = refuse
        else:
            exists = os.path.exists
            os.path.exists = lambda path: not str(path).startswith("/proc/") and exists(path)
        def body(depth):
            assert result() == want
            if depth:
                wait(child(lambda: body(depth - 1)))
        wait(child(lambda: body(3)))
        assert not glob.glob(tempfile.gettempdir() + "/hebbkern-*.so")
    """)


def test_a_name_seen_before_is_not_used_again():
    """As when the system gives a descendant the number of a process that has ended."""
    run("""
        from hebbkern._lib import native
        def body():
            pid = os.getpid()
            native._names.update(f"/proc/{pid}/fd/{n}" for n in range(3, 40, 2))
            seen = set(native._names)
            assert result() == want
            (name,) = native._names - seen
            assert name.startswith(f"/proc/{pid}/fd/")
        wait(child(body))
    """)


def test_a_library_that_has_changed_meanwhile(tmp_path):
    run(
        """
        import shutil
        from pathlib import Path
        from hebbkern import _lib
        other = Path(sys.argv[-1] if len(sys.argv) > 1 else os.environ["OTHER"]) / "libhebbkern.so"
        shutil.copy(_lib.LIBRARY, other)
        _lib.LIBRARY = other
        def body():
            try:
                result()
            except hk.InternalError as error:
                assert "has changed" in str(error), error
            else:
                raise AssertionError("a changed library was loaded")
        wait(child(body))
        """,
        OTHER=str(tmp_path),
    )


def test_threadpoolctl_in_a_child():
    run("""
        import threadpoolctl
        def body():
            with threadpoolctl.threadpool_limits(limits=1, user_api="hebbkern"):
                assert hk.get_num_threads() == 1
                assert result() == want
        wait(child(body))
    """)
