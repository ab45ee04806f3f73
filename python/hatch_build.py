"""The hatch build hook: builds the library into the wheel, and puts the Go sources into the source archive."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Platform of the wheel's tag: HEBBKERN_PLATFORM, else linux_<machine>."""

    _made: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        tools = self._tools()
        include = build_data["force_include"]
        root = tools.find_root()
        license_file = root / "LICENSE"
        if self.target_name == "sdist":
            for path in tools.sources_module().source_files(root):
                include[str(root / path)] = f"go/{path.as_posix()}"
            if license_file.is_file():
                include[str(license_file)] = "go/LICENSE"
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ.get('HEBBKERN_PLATFORM') or 'linux_' + platform.machine()}"
        if version == "editable":
            tools.build(tools.PACKAGE / "libhebbkern.so")
            return
        self._made = tempfile.mkdtemp(prefix="hebbkern-build-")
        library = Path(self._made) / "libhebbkern.so"
        tools.build(library)
        # A library that lies beside the sources, of an editable install, is not the one that is packed.
        include[str(library)] = "hebbkern/libhebbkern.so"
        if license_file.is_file():
            include[str(license_file)] = "hebbkern/LICENSE"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._made:
            shutil.rmtree(self._made, ignore_errors=True)

    def _tools(self) -> Any:
        path = Path(self.root) / "tools" / "build_library.py"
        spec = importlib.util.spec_from_file_location("hebbkern_build_library", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
