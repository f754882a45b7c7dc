"""Which embedded networks a run gets when the network is away."""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from livecam.errors import DownloadFailed
from livecam.inference import embedded
from livecam.inference.embedded import PATIENCE_S, ensure_embedded, missing
from livecam.inference.progress import Progress
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import EMBEDDED, HANDS, MESH_ENGINE
from livecam.inference.weights import Presence


class Shelf:
    """Networks that are here, and an index that may be out of reach."""

    def __init__(self, here: Iterable[str]) -> None:
        self.here = set(here)
        self.online = False
        self.fetches = 0

    def status(self, recipe: Recipe, _: Path) -> Presence:
        return Presence.PRESENT if recipe.name in self.here else Presence.ABSENT

    def ensure_all(self, recipes: Iterable[Recipe], cache: Path, _: Progress | None) -> Mapping[str, Path]:
        names = [recipe.name for recipe in recipes]
        if not set(names) <= self.here:
            self.fetches += 1
            if not self.online:
                raise DownloadFailed("The index cannot be reached.")
            self.here |= set(names)
        return {name: cache / name for name in names}


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    found = Shelf(MESH_ENGINE)
    monkeypatch.setattr(embedded, "status", found.status)
    monkeypatch.setattr(embedded, "ensure_all", found.ensure_all)
    return found


def test_offline_an_old_cache_does_without_hands_and_asks_once(shelf: Shelf, tmp_path: Path) -> None:
    first = ensure_embedded(tmp_path)
    assert set(first.paths) == set(MESH_ENGINE)
    assert "painted over" in first.lacks
    assert "cannot be reached" in first.lacks
    for _ in range(3):
        again = ensure_embedded(tmp_path)
        assert set(again.paths) == set(MESH_ENGINE)
        assert "livecam models fetch" in again.lacks
    assert shelf.fetches == 1


def test_after_a_day_it_is_tried_again(shelf: Shelf, tmp_path: Path) -> None:
    ensure_embedded(tmp_path)
    long_ago = time.time() - PATIENCE_S - 60
    os.utime(tmp_path / ".hands-not-fetched", (long_ago, long_ago))
    shelf.online = True
    assert set(ensure_embedded(tmp_path).paths) == set(EMBEDDED)
    assert ensure_embedded(tmp_path).lacks == ""


def test_what_was_fetched_meanwhile_is_used(shelf: Shelf, tmp_path: Path) -> None:
    ensure_embedded(tmp_path)
    shelf.here |= set(HANDS)
    assert set(ensure_embedded(tmp_path).paths) == set(EMBEDDED)


def test_the_swap_itself_is_never_done_without(shelf: Shelf, tmp_path: Path) -> None:
    shelf.here.clear()
    for _ in range(2):
        with pytest.raises(DownloadFailed):
            ensure_embedded(tmp_path)
    assert missing(tmp_path) == set(EMBEDDED)


def test_without_hands_they_are_not_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    assert set(ensure_embedded(tmp_path, hands=False).paths) == set(MESH_ENGINE)
    assert shelf.fetches == 0
