"""Whatever ends a consent ends the swap of a running daemon within a second, and renewing it brings it back."""

import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from livecam.app import Daemon, SetPersona
from livecam.app.assemble import Assembly, persona_library
from livecam.app.choose import choose_sinks
from livecam.app.consented import ConsentedOutlets, RunClock, may_be_recorded
from livecam.app.consenting import Consenting
from livecam.app.panel_bank import PanelBank
from livecam.app.registry import SINKS
from livecam.app.taps import CameraTap
from livecam.app.wardrobe import Wardrobe
from livecam.config import Config, Paths, load
from livecam.core.cleared import How
from livecam.core.persona import EVERY_SCOPE, Basis, Consent, Persona, Scope
from livecam.core.spec import parse_spec
from livecam.errors import ConsentRefused, LivecamError, PersonaError
from livecam.faces.consent_terms import stamped
from livecam.faces.consents import Change, Consents
from livecam.faces.library import PersonaLibrary, built_in_photo
from livecam.faces.renewing import renew
from livecam.faces.vault import Vault
from tests.app import keeping
from tests.faces.doubles import FakePreparer, photo

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Dressing:
    """Personas of a folder, as a run has them ready."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "personas"
        self.now, self.recording = NOON, False
        self.consents = Consents(self.folder, lambda: Vault(bytes(32)), now=lambda: self.now)
        library = PersonaLibrary(
            self.folder, {"mesh": FakePreparer()}, folder / "cache", vault=lambda: Vault(bytes(32)), admits=self._admit
        )
        self.library, self.wardrobe = library, Wardrobe(library.load)
        self.names: tuple[str, ...] = ("ann",)
        self.tightened: list[set[str]] = []
        self.notes: list[str] = []
        self.watch = Consenting(
            self.consents,
            self,
            lambda: self.names,
            lambda: True,
            lambda: self.tightened.append(set(self.ready())),
            lambda: self.recording,
            lambda: self.now,
            lambda event, **facts: self.notes.append(f"{event} {facts['persona']}"),
        )

    def _admit(self, name: str, consent: Consent) -> None:
        self.watch.admit(Persona(name, {}, consent, ""))

    def add(self, name: str, basis: Basis = Basis.SELF, expires: str = "", *, replacing: bool = False) -> None:
        picture = photo(self.folder.parent, f"{name}{replacing}.png", value=60 + len(name) + replacing)
        self.library.add(name, [picture], basis, expires=expires, replace=replacing)
        self.wardrobe.prepare(name)

    def ready(self) -> Mapping[str, Persona]:
        return self.wardrobe.ready()

    def withdraw(self, persona: str) -> None:
        self.wardrobe.withdraw(persona)

    def prepare(self, persona: str) -> Persona:
        return self.wardrobe.prepare(persona)

    def look(self) -> set[str]:
        """Look once; who is ready then, once whoever came back is back."""
        self.watch.look()
        for thread in threading.enumerate():
            if thread.name == "livecam-consent":
                thread.join()
        return set(self.ready())


@pytest.fixture
def dressing(tmp_path: Path) -> Dressing:
    return Dressing(tmp_path)


def test_what_another_process_takes_back_is_gone_at_the_next_look(dressing: Dressing) -> None:
    dressing.add("ann")
    dressing.add("grace")
    assert dressing.look() == {"ann", "grace"}
    Consents(dressing.folder, lambda: Vault(bytes(32))).revoke("ann")
    assert dressing.look() == {"grace"}
    assert dressing.tightened == [{"grace"}], "once, and when nobody could wear it any more"
    assert "taken back" in dressing.watch.told()
    assert "livecam faces consent ann --renew" in dressing.watch.told()
    assert "livecam ctl persona NAME" in dressing.watch.told()
    assert dressing.notes == ["consent-ended ann"]
    with pytest.raises(ConsentRefused, match="taken back"):
        dressing.prepare("ann")
    with pytest.raises(ConsentRefused, match="taken back"):
        dressing.watch.wear("ann")
    dressing.watch.wear("grace")
    dressing.names = ("grace",)
    dressing.look()
    assert dressing.watch.told() == ""


def test_who_is_not_worn_goes_without_a_gap(dressing: Dressing) -> None:
    dressing.add("ann")
    dressing.add("grace")
    dressing.look()
    dressing.consents.revoke("grace")
    assert dressing.look() == {"ann"}
    assert dressing.tightened == []
    assert dressing.watch.told() == ""


def test_whom_one_has_just_taken_off_may_still_be_in_a_fade(dressing: Dressing) -> None:
    dressing.add("ann")
    dressing.add("grace")
    dressing.look()
    dressing.names = ("grace",)
    dressing.look()
    dressing.consents.revoke("ann")
    dressing.look()
    assert dressing.tightened == [{"grace"}]


def test_one_of_several_people_without_consent_is_enough_for_the_slate(dressing: Dressing) -> None:
    """`Pipeline` withholds a frame in which anybody's persona is missing."""
    for name in ("me", "ann"):
        dressing.add(name)
    dressing.names = ("me", "ann")
    dressing.look()
    dressing.consents.revoke("ann")
    assert dressing.look() == {"me"}
    assert len(dressing.tightened) == 1
    assert "'ann' was taken back" in dressing.watch.told()
    with pytest.raises(ConsentRefused, match="'ann' was taken back"):
        dressing.watch.demand(Scope.STILL)
    renew(dressing.folder, "ann", Change(), dressing.consents)
    assert dressing.look() == {"me", "ann"}


def test_renewing_brings_it_back(dressing: Dressing) -> None:
    dressing.add("ann")
    dressing.look()
    dressing.consents.revoke("ann")
    assert dressing.look() == set()
    assert dressing.look() == set()
    renew(dressing.folder, "ann", Change(), dressing.consents)
    assert dressing.look() == {"ann"}
    dressing.look()
    assert dressing.watch.told() == ""


def test_it_ends_when_it_is_to_end_and_a_clock_set_back_revives_nobody(dressing: Dressing) -> None:
    wall, ticks = [NOON], [100.0]
    clock = RunClock(lambda: wall[0], lambda: ticks[0])
    dressing.add("ann", expires=stamped(NOON + timedelta(seconds=5)))
    for seconds, ready in ((4, {"ann"}), (6, set())):
        wall[0] = NOON + timedelta(seconds=seconds)
        dressing.now = clock()
        assert dressing.look() == ready
    assert dressing.notes == ["consent-expired ann"]
    assert "ended on 2026-07-01" in dressing.watch.told()
    wall[0], ticks[0] = NOON - timedelta(days=3), 103.0
    dressing.now = clock()
    assert dressing.now == NOON + timedelta(seconds=9)
    assert dressing.look() == set()
    with pytest.raises(ConsentRefused, match="ended on"):
        dressing.prepare("ann")


def test_a_copy_of_the_record_from_before_undoes_nothing(dressing: Dressing) -> None:
    dressing.add("ann")
    path = dressing.folder / "ann" / "consent.json"
    kept = path.read_bytes()
    dressing.look()
    dressing.consents.revoke("ann")
    assert dressing.look() == set()
    path.write_bytes(kept)
    assert dressing.look() == set()
    assert "older than one that was there before" in dressing.watch.told()


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 100_000])
def test_what_cannot_be_read_any_more_ends_it(dressing: Dressing, damage: bytes) -> None:
    dressing.add("ann")
    dressing.look()
    (dressing.folder / "ann" / "consent.json").write_bytes(damage)
    assert dressing.look() == set()
    assert "consent record of 'ann'" in dressing.watch.told()


def test_who_is_erased_is_gone_at_the_second_look(dressing: Dressing) -> None:
    dressing.add("ann")
    dressing.look()
    shutil.rmtree(dressing.folder / "ann")
    assert dressing.look() == {"ann"}, "a folder that is being replaced is not there for a moment"
    assert dressing.look() == set()


def test_who_was_made_anew_of_other_photos_is_loaded_anew(dressing: Dressing) -> None:
    dressing.add("ann")
    before = dressing.ready()["ann"]
    dressing.look()
    dressing.library.add("ann", [photo(dressing.folder.parent, "x.png", value=9)], Basis.SELF, replace=True)
    assert dressing.look() == {"ann"}
    assert dressing.ready()["ann"].digest != before.digest


def test_while_a_recording_is_made_who_is_worn_must_have_agreed_to_it(dressing: Dressing) -> None:
    dressing.add("ann", Basis.WRITTEN)
    dressing.add("grace", Basis.WRITTEN)
    dressing.add("me")
    dressing.names = ("me",)
    dressing.recording = True
    assert dressing.look() == {"ann", "grace", "me"}
    with pytest.raises(ConsentRefused, match=r"A recording is being made.*not for recordings.*End the recording first"):
        dressing.watch.wear("ann")
    dressing.names = ("ann",)
    assert dressing.look() == {"grace", "me"}, "by whatever way it came to be worn"
    assert "--scope live,recording" in dressing.watch.told()
    dressing.recording = False
    assert dressing.look() == {"ann", "grace", "me"}


def test_what_cannot_be_prepared_is_told_and_tried_again_later(
    dressing: Dressing, monkeypatch: pytest.MonkeyPatch
) -> None:
    dressing.add("ann")
    dressing.look()
    dressing.withdraw("ann")
    tried = []

    def fail(name: str) -> Persona:
        tried.append(name)
        raise PersonaError("The disk is gone.")

    monkeypatch.setattr(dressing, "prepare", fail)
    for _ in range(3):
        dressing.look()
    assert tried == ["ann"]
    assert dressing.watch.told().startswith("The disk is gone; or wear another")


def test_a_record_that_says_something_else_is_loaded_without_a_gap(dressing: Dressing) -> None:
    dressing.add("ann", Basis.WRITTEN)
    dressing.look()
    renew(dressing.folder, "ann", Change(subject="Ann", scope=EVERY_SCOPE), dressing.consents)
    assert dressing.look() == {"ann"}
    assert dressing.ready()["ann"].consent.subject == "Ann"
    assert dressing.tightened == [], "the picture before may be held until then"
    assert dressing.watch.told() == ""


def test_one_name_in_two_spellings_is_one_persona(dressing: Dressing) -> None:
    """An é can be one character or two; what is worn is called as the user called it."""
    dressing.library.add("Ren\u00e9", [photo(dressing.folder.parent)], Basis.SELF)
    spelt = "Rene\u0301"
    dressing.prepare(spelt)
    dressing.names = (spelt,)
    assert dressing.look() == {spelt}
    dressing.consents.revoke(spelt)
    assert dressing.look() == set()
    assert len(dressing.tightened) == 1
    assert "taken back" in dressing.watch.told()


def test_nobody_needs_no_consent(dressing: Dressing) -> None:
    dressing.names = ("nobody",)
    dressing.prepare("nobody")
    assert dressing.look() == {"nobody"}
    dressing.watch.demand(*Scope)


class Ways:
    """Outlets that take everything."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def add(self, spec: object) -> str:
        self.taken.append(str(spec))
        return ""

    def remove(self, name: str) -> str:
        return ""

    def follow(self, specs: Iterable[object]) -> str:
        self.taken += map(str, specs)
        return ""

    def bring(self, sink: object, listens: bool) -> None:
        self.taken.append(str(listens))

    def take(self, sink: object) -> None:
        pass


def test_nothing_is_recorded_or_kept_of_whom_it_is_not_agreed(dressing: Dressing) -> None:
    dressing.add("ann", Basis.WRITTEN)
    ways, web, film = Ways(), parse_spec("web"), parse_spec("record:a.mp4")
    guarded = ConsentedOutlets(ways, dressing.watch.demand)
    guarded.add(web)
    guarded.follow([web])
    taken = len(ways.taken)

    class Snapshot:
        name = "snapshot"

    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: guarded.add(film), "not for recordings"),
        (lambda: guarded.follow([web, film]), "not for recordings"),
        (lambda: guarded.bring(keeping.KeepingSink(), listens=False), "not for recordings"),
        (lambda: guarded.bring(Snapshot(), listens=True), "not for snapshots"),  # type: ignore[arg-type]
    ]
    for act, told in refused:
        with pytest.raises(ConsentRefused, match=told):
            act()
    assert len(ways.taken) == taken
    guarded.bring(keeping.KeepingSink(), listens=True)
    renew(dressing.folder, "ann", Change(scope=EVERY_SCOPE), dressing.consents)
    guarded.add(film)
    guarded.bring(Snapshot(), listens=True)  # type: ignore[arg-type]
    assert guarded.remove("web") == ""
    guarded.take(keeping.KeepingSink())


def test_the_recording_nobody_asked_for_is_left_out_of_auto(
    dressing: Dressing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("livecam.output.devices.list_outputs", list)
    monkeypatch.setattr("livecam.app.choose._has_pipewire", lambda: False)
    paths = Paths(tmp_path / "none.toml", tmp_path, tmp_path / "cache")
    dressing.add("ann", Basis.WRITTEN)
    dressing.add("me")

    def kinds(**values: str) -> list[str]:
        flags = {name.replace("__", "."): value for name, value in values.items()}
        return [spec.kind for spec in choose_sinks(load(flags, Path(os.devnull), {}).config, paths)]

    assert kinds(face__persona="nobody") == kinds(face__persona="me") == ["web", "record"]
    with caplog.at_level(logging.INFO):
        assert kinds(face__persona="ann") == kinds(face__persona="me", people__worn="x=ann") == ["web"]
    assert "no short recording" in caplog.text
    for text in (b"[]", b"{", b'{"scope": 3}'):
        (dressing.folder / "me" / "consent.json").write_bytes(text)
        assert not may_be_recorded(dressing.folder, ["me"])


def test_a_run_begins_with_nobody_who_has_no_consent_and_goes_on_without_them(
    dressing: Dressing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run whose inference begins again must not end for it: the slate goes out."""
    paths = Paths(tmp_path / "none.toml", tmp_path, tmp_path / "cache")
    dressing.add("ann", Basis.SELF)
    dressing.consents.revoke("ann")
    (tmp_path / "vault.key").write_bytes(bytes(32))
    (tmp_path / "vault.key").chmod(0o600)
    config = load({"face.persona": "ann"}, Path(os.devnull), {}).config
    with pytest.raises(ConsentRefused, match="taken back"):
        Assembly(config, paths)._put_on("ann")
    going_on = Assembly(config, paths, begun=True)
    going_on._put_on("ann", keep=True)
    assert going_on.wardrobe.get("ann") is None
    assert "ann is not worn: The consent for 'ann' was taken back" in caplog.text
    with pytest.raises(PersonaError, match="no persona 'eve'"):
        going_on._put_on("eve")


def until(happens: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


class Run:
    """A daemon that wears ann, looked after as `run` does."""

    def __init__(self, folder: Path, mesh_models: Mapping[str, Path]) -> None:
        models = str(next(iter(mesh_models.values())).parent)
        values = {"models.cache": models, "source.spec": "synthetic?noise=0", "source.size": "320x240"}
        values |= {"output.sinks": "keep", "face.persona": "ann", "bank.fade_ms": "150"}
        self.config: Config = load(values, Path(os.devnull), {}).config
        self.paths = Paths(folder / "none.toml", folder / "data", folder / "cache")
        (folder / "ann.jpg").write_bytes(built_in_photo())
        persona_library(self.config, self.paths).add("ann", [folder / "ann.jpg"], Basis.SELF)
        self.consents = Consents(self.paths.personas)
        self.daemon = Daemon(self.config, self.paths)
        self.note, self._ends = "", threading.Event()
        self._checks = threading.Thread(target=self._check)

    def _check(self) -> None:
        while not self._ends.wait(0.1):
            self.note = self.daemon.status(self.daemon.check()).note

    def __enter__(self) -> "Run":
        self.daemon.start()
        self._checks.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._checks.join()
        self.daemon.stop()

    def live(self) -> bool:
        return keeping.LAST[0].kept[-1][0] is How.SWAPPED

    def dark(self) -> bool:
        """Nothing but the slate in the last pictures, which are more than a held picture lasts."""
        return {how for how, _, _ in keeping.LAST[0].kept[-10:]} == {How.SLATE}

    def wears_ann(self) -> None:
        """Wait until ann is seen, and nothing is said against it."""
        until(lambda: self.live() and "taken back" not in self.note)

    def worn_on_s(self, take_back: Callable[[], object]) -> float:
        """For how long ann was seen after her consent was taken back; the best of three, since others use the machine.

        Afterwards the slate is shown.
        """
        best_s = math.inf
        for number in range(3):
            if number:
                renew(self.paths.personas, "ann", Change(), self.consents)
                self.wears_ann()
            begun_s = time.monotonic()
            take_back()
            until(lambda: "taken back" in self.note and self.dark())
            best_s = min(best_s, keeping.LAST[0].live_s - begun_s)
            if best_s < 1:
                break
        return best_s


@pytest.fixture
def running(tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setitem(SINKS, "keep", "tests.app.keeping:make")
    with Run(tmp_path, mesh_models) as run:
        until(lambda: bool(keeping.LAST[0].kept) and run.live())
        yield run


def test_in_a_running_daemon_taking_it_back_ends_the_swap_within_a_second(running: Run) -> None:
    daemon = running.daemon
    assert running.worn_on_s(lambda: running.consents.revoke("ann")) < 1.0
    sent = len(keeping.LAST[0].kept)
    assert "livecam faces consent ann --renew" in running.note
    with pytest.raises(ConsentRefused, match="taken back"):
        daemon.submit(SetPersona("ann"))
    assert {how for how, _, _ in keeping.LAST[0].kept[sent:]} <= {How.SLATE}
    daemon.submit(SetPersona("nobody"))
    until(running.live)
    with pytest.raises(ConsentRefused, match="taken back"):
        daemon.submit(SetPersona("ann"))
    assert daemon.settings().persona == "nobody"
    renew(running.paths.personas, "ann", Change(), running.consents)
    daemon.submit(SetPersona("ann"))
    running.wears_ann()
    panel = PanelBank(running.config, running.paths, CameraTap(), lambda: "ann", daemon.forget)
    said: list[str] = []
    assert running.worn_on_s(lambda: said.append(panel.revoke("ann"))) < 1.0, "by the button of the control panel too"
    assert "taken back" in said[-1]
    renew(running.paths.personas, "ann", Change(scope=frozenset({Scope.LIVE})), running.consents)
    running.wears_ann()
    with pytest.raises(LivecamError, match="not for recordings"):
        daemon.deeds.record(True)
    with pytest.raises(LivecamError, match="not for snapshots"):
        daemon.deeds.snapshot()
