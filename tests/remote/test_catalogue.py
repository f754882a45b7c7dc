"""Networks of the catalogue, with the layers as published and a sixteenth of their width, on a real server."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.bench.standins.folder import write_folder
from livecam.core.seams import Tensor, TensorSpec
from livecam.inference.catalogue import catalogue_folders, load_model, recipe_files
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.remote import Terms, remote_engine
from livecam.inference.triton_export import Terms as Exporting
from livecam.inference.triton_export import export_onnx
from tests.patience import UNHURRIED_S

pytestmark = [pytest.mark.remote, pytest.mark.timeout(600)]

NAMES = {
    "inswapper_128": 4,
    "inswapper_128_fp16": 4,
    "hyperswap_1a_256": 4,
    "ghost_1_256": 4,
    "gpen_bfr_256": 1,
    "gfpgan_1.4": 1,
    "codeformer": 1,
    "xseg_1": 1,
    "bisenet_resnet_18": 1,
    "arcface_w600k_r50": 1,
}
"""And how many pictures are wanted at once."""


@pytest.fixture(scope="module")
def models() -> Mapping[str, Model]:
    return {name: load_model(name, catalogue_folders(None)) for name in NAMES}


@pytest.fixture(scope="module")
def files(models: Mapping[str, Model], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("catalogue")
    written = write_folder(folder, models.values(), recipe_files(), 16, folder / "none")
    return {path.stem: path for path in written}


@pytest.fixture(scope="module")
def address(
    environment: Path, models: Mapping[str, Model], files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    from tests.remote.triton import Triton

    folder = tmp_path_factory.mktemp("triton")
    for name, model in models.items():
        export_onnx(model, files[name], folder / "repository", Exporting(gpus=0))
    with Triton(environment, folder / "repository", folder / "log") as server:
        yield server.address


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_what_it_gives_here(
    name: str, address: str, models: Mapping[str, Model], files: Mapping[str, Path]
) -> None:
    there = remote_engine(models[name], address, Terms(UNHURRIED_S, UNHURRIED_S), NAMES[name])
    here = load_model_engine(models[name], files[name], batch=NAMES[name])
    assert shapes(there.inputs) == shapes(here.inputs)
    noise = np.random.default_rng(1)
    feeds: dict[str, Tensor] = {role: noise.random(spec.shape).astype(spec.dtype) for role, spec in here.inputs.items()}
    expected, given = here.run(feeds), there.run(feeds)
    for role, result in expected.items():
        np.testing.assert_allclose(given[role].astype(np.float32), result.astype(np.float32), atol=1e-5)
    there.close()


def shapes(specs: Mapping[str, TensorSpec]) -> dict[str, tuple[int, ...]]:
    return {role: spec.shape for role, spec in specs.items()}
