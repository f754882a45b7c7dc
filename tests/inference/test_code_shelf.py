import os
from pathlib import Path

import pytest

from livecam.canvas.kernels.library import CodeKey, KernelLibrary, Shelf
from livecam.inference.code_shelf import CodeShelf
from livecam.inference.plans import PlanCache
from tests.canvas.host_device import HostCompiler, HostDevice

KEY = CodeKey("a" * 64, "nvrtc-13.5", "sm_89")


def test_code_is_kept_as_plans_are(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans")
    shelf: Shelf = CodeShelf(cache)
    assert shelf.find(KEY) is None
    shelf.keep(KEY, b"machine code")
    assert shelf.find(KEY) == b"machine code"
    assert shelf.find(CodeKey("a" * 64, "nvrtc-13.6", "sm_89")) is None
    (entry,) = cache.entries()
    assert entry.path.name.startswith("nvrtc-13.5-sm_89.")
    assert entry.path.suffix == ".kernels"
    assert entry.path.stat().st_mode & 0o777 == 0o600


def test_code_that_was_touched_is_never_found(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans")
    shelf = CodeShelf(cache)
    shelf.keep(KEY, b"machine code")
    (entry,) = cache.entries()
    entry.path.write_bytes(entry.path.read_bytes()[:-4] + b"evil")
    assert shelf.find(KEY) is None
    assert cache.entries() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps permissions elsewhere")
def test_a_folder_that_others_write_to_costs_a_compilation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = PlanCache(tmp_path / "plans")
    shelf = CodeShelf(cache)
    shelf.keep(KEY, b"machine code")
    cache.folder.chmod(0o777)
    assert shelf.find(KEY) is None
    shelf.keep(KEY, b"machine code")
    assert "cannot be looked for" in caplog.text


def test_a_library_finds_its_kernels_again(tmp_path: Path) -> None:
    class Once(HostCompiler):
        compiled = 0

        def compile(self, text: str, architecture: str) -> bytes:
            Once.compiled += 1
            return super().compile(text, architecture)

    for _ in range(2):
        KernelLibrary(HostDevice(), CodeShelf(PlanCache(tmp_path / "plans")), Once)
    assert Once.compiled == 1
