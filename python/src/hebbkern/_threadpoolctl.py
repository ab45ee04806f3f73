"""Makes hebbkern's pool known to threadpoolctl (3.5 or later), if that is installed."""

from __future__ import annotations


def register() -> None:
    try:
        from threadpoolctl import LibController  # type: ignore[import-untyped,unused-ignore]
        from threadpoolctl import register as add
    except ImportError:  # not installed, or too old to take controllers
        return

    from . import _lib

    class HebbkernController(LibController):  # type: ignore[misc,unused-ignore]
        """The thread pool of hebbkern's library."""

        user_api = "hebbkern"
        internal_api = "hebbkern"
        filename_prefixes = ("libhebbkern",)
        check_symbols = ("hk_get_threads",)

        # Through the package and not through self.dynlib, which in a forked child is the parent's copy.
        def get_num_threads(self) -> int:
            return _lib.native.get_threads()

        def set_num_threads(self, num_threads: int) -> None:
            _lib.set_num_threads(num_threads)

        def get_version(self) -> str:
            return _lib.VERSION

        def set_additional_attributes(self) -> None:
            self.isa = _lib.native.info()["isa"]

    add(HebbkernController)
