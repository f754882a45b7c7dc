"""A real Triton server, from an environment of its own."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livecam.inference.triton_export import Terms, export_onnx
from tests.inference.small_networks import small_swapper
from tests.inference.test_triton_export import SWAP

if TYPE_CHECKING:
    from tests.remote.triton import Triton

VARIABLE = "LIVECAM_TRITON"
LONE = replace(SWAP, name="lone")
"""A network that takes one picture at once."""


@pytest.fixture(scope="session")
def environment() -> Path:
    """Where the server is installed."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"no Triton server: {VARIABLE} names no environment; run: make test-remote")
    pytest.importorskip("tritonclient.grpc", reason="tritonclient is not installed: pip install 'livecam[remote]'")
    return Path(named).absolute()


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``swap.onnx`` and ``lone.onnx``, and the repository that users export of them for the processor."""
    folder = tmp_path_factory.mktemp("networks")
    terms = Terms(gpus=0, most=4)
    export_onnx(SWAP, small_swapper(folder / "swap.onnx"), folder / "repository", terms)
    export_onnx(LONE, small_swapper(folder / "lone.onnx", stuck=True), folder / "repository", terms)
    return folder


@pytest.fixture(scope="session")
def triton(environment: Path, networks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Triton"]:
    """A server that runs; a test that stops it starts it again."""
    from tests.remote.triton import Triton

    with Triton(environment, networks / "repository", tmp_path_factory.mktemp("triton") / "log") as server:
        yield server
