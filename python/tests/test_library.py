"""The library: its symbols and their types, and what import says when it does not fit."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hebbkern as hk
from hebbkern import _header, _lib, _sources

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "capi" / "hebbkern.h").read_text()
PACKAGE = Path(hk.__file__).parent

C_TYPES = {
    "int": ctypes.c_int, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "size_t": ctypes.c_size_t,
    "const char *": ctypes.c_char_p, "char *": ctypes.c_char_p, "int64_t *": ctypes.POINTER(ctypes.c_int64),
    "hk_error *": ctypes.POINTER(_header.Error), "uint16_t": ctypes.c_uint16, "uint32_t": ctypes.c_uint32,
    "void *": ctypes.c_void_p, "double *": ctypes.POINTER(ctypes.c_double),
    "const double *": ctypes.POINTER(ctypes.c_double),
}  # fmt: skip


def test_every_symbol_has_the_types_of_the_header():
    declared = {}
    for result, name, arguments in re.findall(r"^HK_API (.*?)(hk_\w+)\((.*?)\);", HEADER, re.M):
        types = [] if arguments == "void" else [re.sub(r"\w+$", "", a.strip()).strip() for a in arguments.split(",")]
        declared[name] = (result.strip(), types)
    assert declared.keys() == _header.SYMBOLS.keys()
    library = _lib.native.library
    for name, (result, arguments) in declared.items():
        function = getattr(library, name)
        assert function.argtypes is not None and len(function.argtypes) == len(arguments), name
        for found, want in zip(function.argtypes, arguments):
            assert found is (ctypes.c_void_p if want.endswith("_args *") else C_TYPES[want]), f"{name}: {want}"
        # the function that makes Python functions gives an object
        assert function.restype is (ctypes.py_object if result == "void *" else C_TYPES[result]), name


def test_constants_and_structs_of_the_header():
    for name, value in re.findall(r"HK_(\w+) = (-?\d+)", HEADER):
        if hasattr(_header, name):
            assert getattr(_header, name) == int(value), name
    for name in ("OK", "MORE", "E_TYPE", "E_VALUE", "E_INTERNAL", "R_DTYPE", "R_OBJECT", "FLOAT64", "READONLY"):
        assert re.search(rf"HK_{name} = ", HEADER), name
    assert re.search(rf"#define HK_ABI_VERSION {_header.ABI_VERSION}\n", HEADER)
    assert re.search(rf"#define HK_MESSAGE_SIZE {_header.MESSAGE_SIZE}\n", HEADER)
    for name, struct in _header.STRUCTS.items():
        body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", HEADER, re.S)[1]
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        fields = [field for line in body.split(";") for field in line.strip().split(", ") if field]
        found = [re.sub(r"\[.*", "", re.split(r"[ *]+", field)[-1]) for field in fields]
        assert found == [field[0] for field in struct._fields_], name


def test_kernels_of_the_header():
    assert set(_header.KERNELS + _header.NETWORK + _header.CHECKPOINT) == set(re.findall(r"^HK_API int hk_(\w+)\(const hk_\1_args", HEADER, re.M))


def test_cpu_info():
    info = hk.cpu_info()
    assert info["isa"] in ("avx2", "neon", "portable") and info["version"] == hk.__version__
    assert info["threads"] == hk.get_num_threads() and all(isinstance(f, str) for f in info["features"])


def test_isa_goes_down():
    script = "import hebbkern as hk; print(hk.cpu_info()['isa'])"
    environment = {**os.environ, "HEBBKERN_ISA": "portable"}
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "portable"


@pytest.fixture
def package(tmp_path):
    """A copy of the package in a folder of its own."""
    shutil.copytree(PACKAGE, tmp_path / "site" / "hebbkern", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "site" / "hebbkern"


def import_copy(package, prepare="", options=()):
    script = (
        f"import sys; sys.path.insert(0, {str(package.parent)!r})\n{prepare}\nimport hebbkern; print(hebbkern.__file__)"
    )
    return subprocess.run(
        [sys.executable, "-I", *options, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


def test_copy_works(package):
    done = import_copy(package)
    assert done.returncode == 0 and str(package) in done.stdout, done.stderr


@pytest.mark.parametrize(
    "prepare, words",
    [
        ("sys.platform = 'darwin'", ["Linux only", "darwin"]),
        ("import os; os.confstr = lambda name: None", ["glibc", "musl"]),
        ("import sysconfig; real = sysconfig.get_config_var\n"
         "sysconfig.get_config_var = lambda n: 1 if n == 'Py_GIL_DISABLED' else real(n)", ["free-threaded"]),
    ],
)  # fmt: skip
def test_platforms_that_are_refused(package, prepare, words):
    done = import_copy(package, prepare)
    assert done.returncode and "ImportError" in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def test_missing_and_broken_library(package):
    library = package / "libhebbkern.so"
    library.unlink()
    done = import_copy(package)
    assert "ImportError" in done.stderr and "is missing" in done.stderr and "pip install" in done.stderr
    library.write_bytes(b"not a library")
    done = import_copy(package)
    assert "ImportError" in done.stderr and "cannot be loaded" in done.stderr and "pip install" in done.stderr
    # another library, without our symbols
    (other,) = {
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "libc.so" in line or "libc-" in line
    }
    shutil.copy(other, library)
    done = import_copy(package)
    assert "ImportError" in done.stderr and str(library) in done.stderr


def test_other_version(package):
    text = (package / "_lib.py").read_text()
    (package / "_lib.py").write_text(re.sub(r"^VERSION = .*", 'VERSION = "9.9.9"', text, flags=re.M))
    done = import_copy(package)
    assert "ImportError" in done.stderr and "9.9.9" in done.stderr and hk.__version__ in done.stderr
    (package / "_lib.py").write_text(text)
    header = (package / "_header.py").read_text()
    (package / "_header.py").write_text(re.sub(r"^ABI_VERSION = .*", "ABI_VERSION = 99", header, flags=re.M))
    done = import_copy(package)
    assert "ImportError" in done.stderr and "version 99" in done.stderr


def test_stale_library(tmp_path):
    """In a repository, a library of other sources is named as such, with the command that mends it."""
    for path in _sources.source_files(ROOT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    package = tmp_path / "python" / "src" / "hebbkern"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    done = import_copy(package)
    assert done.returncode == 0 and "stale" not in done.stderr, done.stderr
    (tmp_path / "kernels" / "some_test.go").write_text("package kernels\n")  # tests are no part of the library
    done = import_copy(package)
    assert done.returncode == 0 and "stale" not in done.stderr, done.stderr
    with open(tmp_path / "capi" / "table.c", "a") as source:
        source.write("\n")
    done = import_copy(package)
    assert done.returncode == 0 and "StaleLibraryWarning" in done.stderr and "build_library.py" in done.stderr


def test_sources():
    files = [path.as_posix() for path in _sources.source_files(ROOT)]
    assert {"go.mod", "capi/hebbkern.h", "capi/main.go", "kernels/matrix.go"} <= set(files)
    assert files == sorted(files) and not [name for name in files if "_test.go" in name or "ctest" in name]


def test_import_is_light():
    script = "import sys, hebbkern; print(*[m for m in ('matplotlib', 'tqdm', 'torch', 'pytest') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


def test_one_version():
    assert f'version = "{hk.__version__}"' in (ROOT / "python" / "pyproject.toml").read_text()
