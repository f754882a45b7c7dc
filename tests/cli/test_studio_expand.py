"""``livecam studio expand``: what is refused before any work, what is published, and what the pack is given."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from livecam.app.stills import Stills
from livecam.cli import studio_expand
from livecam.cli.output import Json
from livecam.cli.root import root
from livecam.cli.studio_flags import Wanted
from livecam.cli.studio_shop import Shop
from livecam.config import Paths, Resolved
from livecam.core.frame import Image
from livecam.core.persona import Basis
from livecam.errors import ConsentRefused
from livecam.faces.consents import Consents
from livecam.faces.library import PersonaLibrary
from livecam.faces.pack import Origin
from livecam.faces.pack_store import PackStore
from livecam.studio.chosen import Options
from livecam.studio.terms import Device
from livecam.studio.timing import Paces
from tests.faces.doubles import photo
from tests.faces.packs import pack_of, view
from tests.studio.fakes import likeness
from tests.studio.test_expand import Draws, Sees


@dataclass
class Published:
    """Stills that remember what leaves."""

    faces: Sees
    left: dict[str, Mapping[str, object]] = field(default_factory=dict)
    noted: list[tuple[str, str, Mapping[str, object]]] = field(default_factory=list)

    def check(self, image: Image, name: str) -> None:
        """Nothing is shown that may not be."""

    def publish(self, image: Image, target: Path, **about: object) -> str:
        target.write_bytes(b"a picture")
        self.left[target.name] = {**about, "shape": image.shape}
        return "labelled"

    def note(self, what: str, persona: str, told: Mapping[str, object]) -> None:
        self.noted.append((what, persona, told))


@dataclass
class Room:
    """A user's files, and the shop that the command is given."""

    folder: Path
    backend: Draws = field(default_factory=Draws)
    opened: int = 0
    cosine: float = 0.9
    knows: bool = True
    stills: Published | None = None

    @contextmanager
    def open(self, resolved: Resolved, want: Wanted, persona: str = "") -> Iterator[Shop]:
        self.opened += 1
        self.stills = Published(Sees(self.backend, self.cosine, knows=self.knows))

        yield Shop(
            caps=self.backend.caps,
            backend=self.backend,
            stills=cast(Stills, self.stills),
            options=Options(seed=want.seed),
            device=Device("cpu"),
            paces=Paces(self.folder / "paces"),
            want=want,
            stop=threading.Event(),
            likeness=likeness(),
        )

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, ["studio", "expand", *arguments])

    def store(self, name: str = "ann") -> PackStore:
        paths = Paths.find()
        return PackStore(PersonaLibrary(paths.personas, {}, paths.prepared).files(name))

    def report(self) -> Mapping[str, Json]:
        told: Mapping[str, Json] = json.loads((self.folder / "report.json").read_text())
        return told


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = Room(tmp_path)
    monkeypatch.setattr(studio_expand, "opened", made.open)
    paths = Paths.find()
    PersonaLibrary(paths.personas, {}, paths.prepared).add("ann", [photo(tmp_path)], Basis.SELF)
    return made


def test_what_passes_is_in_the_pack_and_nothing_leaves(room: Room) -> None:
    done = room("ann", "--report", str(room.folder / "report.json"))
    assert done.exit_code == 0, done.output
    assert "22 of 22 views passed." in done.output
    assert "Kept 22 generated views of 'ann', 18 of which count; its pack has 23." in done.output
    pack = room.store().read()
    assert pack is not None
    assert pack.known_by.name == "arcface_w600k_r50"
    assert len(pack.of(Origin.GENERATED)) == 22
    assert len(pack.of(Origin.PHOTO)) == 1
    assert room.stills is not None
    assert room.stills.left == {}
    assert room.stills.noted == [("expand", "ann", {"backend": "made", "views": 22})]
    told = room.report()
    assert (told["kept"], told["judged"], told["backend"]) == (22, True, "made")
    assert isinstance(told["views"], list)
    assert told["views"][0]["name"] == "front-soft"


def test_earlier_generated_views_are_replaced_and_webcam_views_stay(room: Room) -> None:
    room("ann")
    store = room.store()
    pack = store.read()
    assert pack is not None
    store.keep(pack.with_views(Origin.WEBCAM, [view(3, 20.0, origin=Origin.WEBCAM)], "c" * 64))
    room.cosine = 0.1
    assert "4 of 22 views passed" in room("ann").output
    pack = store.read()
    assert pack is not None
    assert len(pack.of(Origin.GENERATED)) == 4
    assert len(pack.of(Origin.WEBCAM)) == 1
    room.backend = Draws(soft=True)
    assert "No view passed, so the identity pack is as it was." in room("ann").output
    assert len((store.read() or pack).views) == len(pack.views)


def test_a_consent_that_ends_meanwhile_keeps_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    personas = Paths.find().personas
    before = room.backend.draw

    def revoking(*asked: object) -> Image:
        with suppress(ConsentRefused):
            Consents(personas).revoke("ann")
        return before(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(room.backend, "draw", revoking)
    done = room("ann")
    assert done.exit_code == 1
    assert "was taken back" in done.output
    assert room.store().read() is None


def test_pictures_leave_as_all_of_the_studio_do(room: Room) -> None:
    done = room("ann", "--out", str(room.folder / "views"), "--seed", "5", "--replace")
    assert done.exit_code == 0, done.output
    assert "Wrote 23 pictures into" in done.output
    assert room.stills is not None
    assert {"front-soft.png", "right-67-warm.png", "sheet.png"} <= set(room.stills.left)
    assert len(room.stills.left) == 23
    for about in room.stills.left.values():
        assert (about["persona"], about["what"], about["test"], about["replace"]) == ("ann", "view", False, True)
        assert about["told"] == {"backend": "made", "seed": 5}


def test_a_test_backend_is_only_looked_at(room: Room) -> None:
    refused = room("ann", "--backend", "tiny")
    assert refused.exit_code != 0
    assert "random weights" in refused.output
    assert room.opened == 0, "before anything is loaded"
    room.backend = Draws(test=True)
    done = room("ann", "--backend", "tiny", "--out", str(room.folder / "views"))
    assert done.exit_code == 0, done.output
    assert "but whom they show was only measured" in done.output
    assert "Nothing was kept in the identity pack: the backend has random weights." in done.output
    assert room.store().read() is None
    assert room.stills is not None
    assert all(about["test"] for about in room.stills.left.values())


def test_without_a_recogniser_nothing_is_kept(room: Room) -> None:
    room.knows = False
    refused = room("ann")
    assert "livecam models pull" in refused.output
    assert room.backend.drawn == [], "before anything is drawn"
    done = room("ann", "--out", str(room.folder / "views"))
    assert "Nothing was kept in the identity pack: nobody can judge views here." in done.output
    assert room.store().read() is None


def test_a_pack_by_another_recogniser_is_not_mixed(room: Room) -> None:
    room.store().keep(pack_of())
    done = room("ann")
    assert done.exit_code != 0
    assert room.backend.drawn == [], "before anything is drawn"
    assert "faces views ann --forget" in done.output


def test_the_built_in_persona_has_no_pack(room: Room) -> None:
    done = room("nobody")
    assert done.exit_code != 0
    assert room.backend.drawn == [], "before anything is drawn"
    assert "is drawn" in done.output
    looked = room("nobody", "--out", str(room.folder / "views"))
    assert looked.exit_code == 0, looked.output
    assert "Nothing was kept in the identity pack: 'nobody' has none." in looked.output


def test_a_folder_that_cannot_be_made_is_told_first(room: Room) -> None:
    (room.folder / "file").write_text("")
    done = room("ann", "--out", str(room.folder / "file" / "views"))
    assert "cannot be made" in done.output
    assert room.opened == 0


@pytest.mark.parametrize("name", ["front-soft.png", "sheet.png"])
def test_pictures_that_are_there_are_told_of_before_any_is_drawn(room: Room, name: str) -> None:
    folder = room.folder / "views"
    folder.mkdir()
    (folder / name).write_bytes(b"mine")
    told = room("ann", "--out", str(folder))
    assert told.exit_code == 2
    assert f"{folder / name} exists." in told.output
    assert not room.opened
    assert room("ann", "--out", str(folder), "--replace").exit_code == 0
