"""On which backend of ONNX Runtime a network is loaded."""

from collections.abc import Collection
from pathlib import Path

import pytest

from livecam.app import loading
from livecam.app.loading import OnnxLoader, RemoteLoader
from livecam.config import Provider
from livecam.core.seams import Engine
from livecam.errors import ConfigError
from livecam.inference import onnx
from livecam.inference.backends import Backend
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model
from livecam.inference.remote import Terms
from livecam.inference.store import digest_of
from livecam.inference.tuned import Choice, Tuned
from tests.app.test_compiled import network
from tests.inference.computers import RTX_3060, PretendComputer

ALL = (Backend.RTX, Backend.CUDA, Backend.OPENVINO, Backend.CPU)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int | None, int]]:
    """Backend, threads and rows of what was loaded."""
    calls: list[tuple[str, int | None, int]] = []

    def load(model: Model, path: Path, provider: str, *, threads: int | None, batch: int) -> Engine | None:
        assert path.name == f"{model.name}.onnx"
        calls.append((provider, threads, batch))
        return None

    monkeypatch.setattr(onnx, "load_model_engine", load)
    return calls


def loader(
    folder: Path,
    asked: Provider = Provider.AUTO,
    tuned: Tuned | None = None,
    lost: Collection[Backend] = (),
    works: Collection[Backend] = ALL,
) -> OnnxLoader:
    return OnnxLoader(asked, PretendComputer(works, RTX_3060), folder, tuned or Tuned(), lost)


@pytest.mark.parametrize(
    ("asked", "lost", "works", "wanted"),
    [
        (Provider.AUTO, (), ALL, ("cuda", None, 4)),
        (Provider.RTX, (), ALL, ("cuda", None, 4)),
        (Provider.AUTO, (Backend.CUDA, Backend.OPENVINO), ALL, ("cpu", None, 1)),
        (Provider.AUTO, (), (Backend.RTX, Backend.CPU), ("cpu", None, 1)),
        (Provider.CPU, (), ALL, ("cpu", None, 1)),
        (Provider.REMOTE, (), ALL, ("cuda", None, 4)),
        (Provider.CUDA, (Backend.CUDA,), ALL, ("cuda", None, 4)),
    ],
    ids=["best", "named and compiled", "lost", "none", "named", "on a server", "named and lost"],
)
def test_it_is_the_best_that_is_not_compiled_or_the_one_that_was_named(
    asked: Provider,
    lost: Collection[Backend],
    works: Collection[Backend],
    wanted: tuple[str, int | None, int],
    loaded: list[tuple[str, int | None, int]],
    tmp_path: Path,
) -> None:
    model = network("inswapper_128", tmp_path)
    loader(tmp_path, asked, lost=lost, works=works)(model, 4)
    assert loaded == [wanted]


def test_what_was_measured_to_be_quickest_goes_first(loaded: list[tuple[str, int | None, int]], tmp_path: Path) -> None:
    """For that very file, while its backend works and nobody named another."""
    model, other = network("scrfd_500m", tmp_path), network("scrfd_2.5g", tmp_path, "another")
    choice = Choice(Backend.CPU, 3, 4.0, 0.0, digest_of(model, tmp_path))
    tuned = Tuned({model.name: choice, other.name: choice})
    loader(tmp_path, tuned=tuned)(model, 1)
    loader(tmp_path, tuned=tuned)(other, 1)
    loader(tmp_path, Provider.CUDA, tuned)(model, 1)
    loader(tmp_path, tuned=tuned, lost=[Backend.CPU])(model, 1)
    assert loaded == [("cpu", 3, 1), ("cuda", None, 1), ("cuda", None, 1), ("cuda", None, 1)]


def test_one_that_was_named_and_does_not_work_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cuda was named but cannot be used"):
        loader(tmp_path, Provider.CUDA, works=[Backend.CPU]).backend()


def test_a_server_runs_all_but_what_sees_the_whole_picture(
    loaded: list[tuple[str, int | None, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, float, int]] = []

    def remote(model: Model, address: str, terms: Terms, batch: int) -> None:
        asked.append((model.name, address, terms.deadline_s, batch))

    monkeypatch.setattr(loading, "remote_engine", remote)
    swapper, detector = load_model("inswapper_128", catalogue_folders(None)), network("scrfd_500m", tmp_path)
    load = RemoteLoader(loader(tmp_path, Provider.REMOTE), "grpcs://studio:8001", Terms(0.05))
    load(swapper, 4)
    load(detector, 1)
    assert asked == [("inswapper_128", "grpcs://studio:8001", 0.05, 4)], "its file is not here"
    assert loaded == [("cuda", None, 1)]
