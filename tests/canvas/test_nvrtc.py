from pathlib import Path

import pytest

from livecam.canvas.kernels import ARCHITECTURES, nvrtc, source
from livecam.canvas.kernels.arguments import KERNELS
from livecam.canvas.kernels.nvrtc import Nvrtc
from livecam.errors import EngineError, ExtraMissing


@pytest.fixture(scope="module")
def compiler() -> Nvrtc:
    try:
        return Nvrtc()
    except ExtraMissing as missing:
        pytest.skip(f"no NVRTC here: {missing.what}")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_kernels_compile_for_every_gpu(compiler: Nvrtc, architecture: str) -> None:
    code = compiler.compile(source(), architecture)
    assert code.startswith(b"\x7fELF")
    assert [name for name in KERNELS if b".text." + name.encode() + b"\0" not in code] == []


def test_what_does_not_compile_is_told_with_file_and_line(compiler: Nvrtc) -> None:
    broken = source().replace("FOR_GRID(i, area) {", "FOR_GRID(i, nowhere) {", 1)
    with pytest.raises(EngineError, match=r"(?s)sm_90.*warp\.cuh\(\d+\).*nowhere"):
        compiler.compile(broken, "sm_90")
    with pytest.raises(EngineError, match="sm_1"):
        compiler.compile(source(), "sm_1")


def test_a_missing_compiler_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody = tmp_path / "libnvrtc.so.13"
    nobody.write_bytes(b"no library")
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter([str(nobody)]))
    with pytest.raises(ExtraMissing, match="nvidia-cuda-nvrtc"):
        Nvrtc()
