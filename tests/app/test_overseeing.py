"""The policy is kept while a run goes on, and what happens in it is written down."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from livecam.app import Daemon, overseeing
from livecam.app.auditing import folder_of
from livecam.app.convert import convert
from livecam.app.overseeing import Overseer
from livecam.app.permitted import converting, locked, permitted
from livecam.app.witness import Run, programs_at
from livecam.config import Config, Paths, Policy, load
from livecam.config.policy_file import NOTHING, PolicyError, parsed
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.settings import (
    Command,
    Mode,
    Others,
    Panic,
    Reply,
    Resume,
    SetLabel,
    SetMode,
    SetOthers,
    SetPersona,
    SettingsCell,
)
from livecam.core.spec import parse_spec
from livecam.errors import ConfigError, PersonaError, SinkError
from livecam.privacy.audit import AuditError, AuditLog, lines
from tests.app.converting import Storing
from tests.app.test_auditing import until
from tests.app.test_convert import picture
from tests.fakes import ScriptedProcessor

CONSENT = Consent(Basis.SELF, "", "2026-11-21T00:00:00+00:00", ())
ANN, BOB = Persona("ann", {}, CONSENT, "aa"), Persona("bob", {}, CONSENT, "bb")


def policy_of(text: str) -> Policy:
    return parsed(text.encode(), Path("policy.toml"))


def configure(**values: str) -> Config:
    named = {name.replace("__", "."): value for name, value in values.items()}
    base = {"source.spec": "synthetic?noise=0", "source.size": "320x240", "output.sinks": "memory"}
    return load(base | named, Path(os.devnull), {}, NOTHING).config


def events(paths: Paths) -> list[dict[str, object]]:
    return [json.loads(line) for _, _, line in lines(folder_of(paths))]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livecam.app.auditing.STOP_S", 60.0)
    monkeypatch.setattr("livecam.app.auditing.RETRY_S", 0.01)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "livecam.toml", tmp_path / "data", tmp_path / "cache")


class Overseen:
    """A run that does what it is told, under an overseer whose policy can be exchanged."""

    def __init__(self, paths: Paths, policy: Policy = NOTHING, **values: str) -> None:
        self.paths, self.policy = paths, policy
        self.file = paths.config_file.with_name("policy.toml")
        self.file.touch()
        self.overseer = Overseer(configure(**values), paths, 7, self.read, self.file)
        self.cell = SettingsCell(replace(self.overseer.config.settings, persona="ann"))
        self.cell.changed = self.overseer.witness.changed
        self.sinks, self.preset, self.source, self.readers = ["memory", "web:http://x/?token=s"], "mesh", "camera:0", 0
        self.ready = {"ann": ANN, "bob": BOB}
        self.last = ""

    def read(self) -> Policy:
        if self.policy.digest == "broken":
            raise PolicyError("The policy is broken.", "Ask.")
        return self.policy

    def submit(self, command: Command) -> Reply:
        self.overseer.demand(command)
        return self.cell.submit(command)

    def drop(self, name: str) -> str:
        if len(self.sinks) == 1:
            raise SinkError("The last one stays.")
        self.sinks.remove(name)
        return name

    def begin(self) -> "Overseen":
        self.overseer.auditor.demand()
        self.overseer.begin(
            Run(
                port=self,
                settings=lambda: self.cell.current,
                ready=self.ready.get,
                people=list,
                preset=lambda: self.preset,
                source=lambda: parse_spec(self.source),
                sinks=lambda: list(self.sinks),
                drop=self.drop,
                readers=lambda: self.readers,
                programs=lambda: ["chrome", "zoom"],
            )
        )
        return self

    def covered(self) -> bool:
        return self.cell.current.panic

    def look(self, now_s: float = 0.0) -> None:
        self.overseer.witness.look(now_s)

    def told(self) -> list[tuple[object, ...]]:
        """What was written down, without what every line has, after the end of the run."""
        self.overseer.stop()
        own = {"n", "at", "event", "before", "session", "version"}
        return [
            (event["event"], *(value for name, value in event.items() if name not in own))
            for event in events(self.paths)
        ]


def test_what_is_told_of_a_run(paths: Paths) -> None:
    run = Overseen(paths).begin()
    run.look()
    for command in (
        *(SetLabel(False), SetLabel(False), SetMode(Mode.PASSTHROUGH), SetMode(Mode.SWAP)),
        *(SetPersona("bob"), SetPersona("ann"), SetOthers(Others.LEAVE), Panic(), Resume()),
    ):
        run.submit(command)
    run.preset, run.source, run.readers = "fast", "stream:rtsp://ann:pw@host/x", 2
    run.sinks.append("record:/home/ann/call.mp4")
    run.overseer.witness.panel = lambda: True
    run.look(5.0)
    run.overseer.witness.stop()
    run.submit(Panic())
    start, *rest = run.told()
    assert start == (
        *("start", "", "mesh", "camera:0", "memory web:http://x", "ann"),
        *(False, True, True, False),
    )
    assert rest == [
        ("persona", "ann", "aa", "self"),
        ("label", False),
        ("passthrough", True),
        ("passthrough", False),
        ("persona", "bob", "bb", "self"),
        ("persona", "ann", "aa", "self"),
        ("others", "leave"),
        ("panic",),
        ("resume",),
        ("preset", "fast"),
        ("source", "stream:rtsp://host"),
        ("sinks", "memory record:call.mp4 web:http://x"),
        ("readers", 2, "chrome, zoom"),
        ("panel", True),
        ("stop",),
    ]


def test_only_virtual_cameras_are_asked_for_their_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("livecam.app.witness.sys.platform", "linux")

    def reading(device: str) -> list[str]:
        asked.append(device)
        return ["zoom"]

    pretend = SimpleNamespace(programs_reading=reading)
    monkeypatch.setitem(sys.modules, "livecam.output.loopback_readers", pretend)
    assert programs_at(["memory", "web:http://x/?token=s", "record:/dev/../a.mp4"]) == []
    assert programs_at(["virtualcam:/dev/video10 (livecam)", "v4l2:/dev/video11"]) == ["zoom"]
    assert sorted(asked) == ["/dev/video10", "/dev/video11"]


def test_a_persona_that_becomes_another_one_under_its_name_is_told(paths: Paths) -> None:
    run = Overseen(paths).begin()
    run.ready.clear()
    run.look()
    run.ready["ann"] = ANN
    run.look()
    run.ready["ann"] = replace(ANN, digest="cc")
    run.look()
    run.look()
    assert [each[2] for each in run.told() if each[0] == "persona"] == ["aa", "cc"]


STRICT = policy_of(
    "[label]\nrequired = true\n[passthrough]\nallowed = false\n[outputs]\nallowed = ['virtualcam']\n"
    "[personas]\nallowed = ['ann']\n[audit]\nrequired = true\n"
)


def test_what_is_forbidden_is_refused_and_changes_nothing(paths: Paths) -> None:
    run = Overseen(paths, STRICT, face__persona="ann").begin()
    before = run.cell.current
    for command in (SetLabel(False), SetMode(Mode.PASSTHROUGH), SetPersona("bob")):
        with pytest.raises(ConfigError, match="Your organisation's policy forbids"):
            run.submit(command)
    for kind in ("web", "record"):
        with pytest.raises(ConfigError, match=kind):
            run.overseer.demand_output(kind)
    with pytest.raises(PersonaError, match="'bob'"):
        run.overseer.permit(BOB)
    run.overseer.permit(ANN)
    assert [run.overseer.allows(name) for name in ("ann", "bob")] == [True, False]
    assert run.cell.current == before
    run.overseer.stop()


def test_a_stricter_policy_is_followed_while_the_run_goes_on(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overseeing, "_LOOK_S", 0.0)
    run = Overseen(paths).begin()
    run.sinks = ["web:http://x/?token=s", "virtualcam:/dev/video10"]
    run.submit(SetLabel(False))
    run.submit(SetMode(Mode.PASSTHROUGH))
    run.overseer.look()
    assert run.cell.current.mode is Mode.PASSTHROUGH
    run.policy = STRICT
    run.file.write_text("another one")
    run.overseer.look()
    until(lambda: len(run.sinks) == 1)
    now = run.cell.current
    assert (now.label, now.mode, now.panic, run.sinks) == (True, Mode.SWAP, False, ["virtualcam:/dev/video10"])
    assert ("policy", "", STRICT.digest) in [each[:3] for each in run.told()]


@pytest.mark.parametrize("wrong", ["sink", "persona"])
def test_what_cannot_be_made_to_comply_is_covered_until_it_does(paths: Paths, wrong: str) -> None:
    run = Overseen(paths).begin()
    run.sinks = ["web:http://x/?token=s"] if wrong == "sink" else ["virtualcam:/dev/video10"]
    run.submit(SetPersona("bob" if wrong == "persona" else "ann"))
    run.policy = STRICT
    assert "label.required = true" in run.overseer.reread()
    assert run.covered()
    with pytest.raises(ConfigError, match="web" if wrong == "sink" else "bob"):
        run.submit(Resume())
    run.sinks = ["virtualcam:/dev/video10"]
    run.submit(SetPersona("ann"))
    run.submit(Resume())
    assert not run.covered()
    run.overseer.stop()


def test_somebody_elses_driver_need_not_be_named_like_its_kind(paths: Paths) -> None:
    run = Overseen(paths).begin()
    run.sinks = ["Their screen 2"]
    run.policy = policy_of("[outputs]\nallowed = ['plugin:theirs']")
    run.overseer.reread()
    assert not run.covered()
    run.overseer.stop()


def test_a_policy_that_is_damaged_meanwhile_leaves_the_one_before_in_force(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(overseeing, "_LOOK_S", 0.0)
    run = Overseen(paths, STRICT, face__persona="ann").begin()
    run.sinks = ["virtualcam:/dev/video10"]
    run.policy = replace(STRICT, digest="broken")
    run.file.write_text("broken")
    run.overseer.look()
    until(lambda: "stays in force" in caplog.text)
    assert "The policy is broken. Ask. The policy read before stays in force." in caplog.text
    assert run.overseer.policy is STRICT
    run.file.unlink()
    run.policy = NOTHING
    run.overseer.look()
    until(lambda: run.overseer.policy is NOTHING)
    run.overseer.stop()


def test_a_run_that_must_be_written_down_and_is_not_shows_the_slate(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Overseen(paths, STRICT, face__persona="ann").begin()
    run.sinks = ["virtualcam:/dev/video10"]
    run.overseer.look()
    assert not run.covered()

    def full(*_: object) -> None:
        raise AuditError("The disk is full.", "Free some.")

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "append_at", full)
        run.overseer.auditor.note("panel", on=True)
        until(lambda: bool(run.overseer.auditor.problem))
        run.overseer.look()
        assert run.covered()
        with pytest.raises(ConfigError, match=r"without the audit log\. The disk is full"):
            run.submit(Resume())
    until(lambda: not run.overseer.auditor.problem)
    run.submit(Resume())
    run.overseer.stop()


def test_a_run_that_must_be_written_down_and_cannot_be_does_not_begin(paths: Paths) -> None:
    paths.data.write_text("no folder")
    with pytest.raises(AuditError):
        Overseen(paths, STRICT, face__persona="ann").begin()
    Overseen(paths).begin().overseer.stop()


class TestConfigurations:
    """What a configuration may ask for."""

    def test_settings_are_as_they_are_locked_whoever_made_the_configuration(self, paths: Paths) -> None:
        asked = configure(label__shown="no", privacy__passthrough="yes")
        config = locked(asked, policy_of("[label]\nrequired = true\n[passthrough]\nallowed = false"))
        assert (config.label.shown, config.privacy.passthrough) == (True, False)
        assert locked(asked, NOTHING) is asked

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ({"face__persona": "bob"}, "persona 'bob'.*--persona"),
            ({"people__worn": "me=bob", "face__persona": "ann"}, "persona 'bob'"),
            ({"output__sinks": "web", "face__persona": "ann"}, "pictures to 'web'"),
        ],
    )
    def test_what_is_forbidden_is_refused_before_anything_starts(
        self, paths: Paths, values: dict[str, str], told: str
    ) -> None:
        with pytest.raises(ConfigError, match=told):
            permitted(configure(**values), paths, STRICT)

    def test_auto_stands_for_what_is_allowed(self, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
        found = (parse_spec("virtualcam"), parse_spec("web"), parse_spec("record:a.mp4"))
        monkeypatch.setattr("livecam.app.permitted.choose_sinks", lambda config, paths: found)
        auto = configure(output__sinks="auto", face__persona="ann")
        assert permitted(auto, paths, NOTHING).output.sinks == auto.output.sinks
        no_camera = policy_of("[outputs]\nallowed = ['web', 'record', 'pipewire', 'stream']")
        assert permitted(auto, paths, no_camera).output.sinks == found[1:]
        no_files = policy_of("[recordings]\nallowed = false")
        assert permitted(auto, paths, no_files).output.sinks == found[:2]
        assert permitted(auto, paths, policy_of("[outputs]\nallowed = ['web']")).output.sinks == found[1:2]
        with pytest.raises(ConfigError, match=r"every output that was found here\. Name one"):
            permitted(auto, paths, policy_of("[outputs]\nallowed = ['stream']"))

    def test_files_are_signed_or_not_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        signed = policy_of("[provenance]\nrequired = true")
        monkeypatch.setattr("livecam.app.permitted.find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r"that are not signed, and nothing here signs: .*livecam\[provenance\]"):
            converting(configure(), signed)
        monkeypatch.setattr("livecam.app.permitted.find_spec", lambda name: name)
        assert converting(configure(provenance__sign="no"), signed).provenance.sign

    def test_conversions(self) -> None:
        assert converting(configure(), NOTHING).face.persona == "nobody"
        with pytest.raises(ConfigError, match="'swap'"):
            converting(configure(), STRICT)
        with pytest.raises(ConfigError, match="'nobody'"):
            converting(configure(), policy_of("[personas]\nallowed = ['ann']"))
        with pytest.raises(ConfigError, match="in files"):
            converting(configure(), policy_of("[recordings]\nallowed = false"))


@pytest.fixture
def start(paths: Paths) -> Iterator[Callable[..., Daemon]]:
    daemons: list[Daemon] = []

    def started(policy: Policy, **values: str) -> Daemon:
        asked = configure(output__recordings=str(paths.data / "recordings"), **values)
        daemon = Daemon(asked, paths, ScriptedProcessor, read_config=lambda: asked, read_policy=lambda: policy)
        daemons.append(daemon)
        daemon.start()
        return daemon

    yield started
    for daemon in daemons:
        daemon.stop()


def test_a_whole_run_under_a_policy(paths: Paths, start: Callable[..., Daemon]) -> None:
    """The same, through the daemon's own doors."""
    policy = policy_of(
        "[label]\nrequired = true\n[outputs]\nallowed = ['web']\n[passthrough]\nallowed = false\n"
        "[mark]\nenabled = false"
    )
    daemon = start(policy, label__shown="no")
    assert daemon.settings().label
    refused: list[Callable[[], object]] = [
        lambda: daemon.submit(SetLabel(False)),
        lambda: daemon.submit(SetMode(Mode.PASSTHROUGH)),
        lambda: daemon.deeds.record(True),
        daemon.deeds.snapshot,
        lambda: daemon.deeds.sink("record:a.mp4", True),
        lambda: daemon.deeds.sink("auto", True),
    ]
    for order in refused:
        with pytest.raises(ConfigError, match="Your organisation's policy forbids"):
            order()
    daemon.submit(Panic())
    daemon.submit(Resume())
    assert daemon.deeds.reload() == "Nothing has changed."
    daemon.stop()
    told = events(paths)
    assert [event["event"] for event in told] == [
        *("start", *["refused"] * len(refused)),
        *("panic", "resume", "reload", "stop"),
    ]
    assert "to switch the label off" in str(told[1]["why"])
    assert (told[0]["mark"], told[0]["label"], told[0]["policy"]) == (False, True, policy.digest)
    assert told[0]["session"] == f"{daemon.session:08x}"


def test_files_of_a_run_are_told_by_their_names(paths: Paths, start: Callable[..., Daemon]) -> None:
    daemon = start(NOTHING)
    daemon.deeds.record(True)
    daemon.deeds.snapshot()
    daemon.deeds.record(False)
    daemon.stop()
    files = [(event["event"], event.get("on"), event["file"]) for event in events(paths) if "file" in event]
    assert [each[:2] for each in files] == [("recording", True), ("snapshot", None), ("recording", False)]
    assert all("/" not in str(file) and file for _, _, file in files)


def test_a_recording_that_is_forbidden_meanwhile_is_ended(paths: Paths, start: Callable[..., Daemon]) -> None:
    daemon = start(NOTHING)
    daemon.deeds.record(True)
    daemon.overseer._read = lambda: policy_of("[recordings]\nallowed = false")
    assert "recordings.allowed = false" in daemon.deeds.reload()
    assert daemon.deeds.recorder.path is None
    assert not daemon.settings().panic


@pytest.mark.parametrize("written", [True, False])
def test_a_conversion_is_told_before_it_is_made(paths: Paths, tmp_path: Path, written: bool) -> None:
    source, target = picture(tmp_path / "in.png"), tmp_path / "out.png"
    policy = policy_of("[audit]\nrequired = true\n[mark]\nenabled = false")
    if not written:
        paths.data.mkdir()
        folder_of(paths).write_text("no folder")
    with contextlib.nullcontext() if written else pytest.raises(AuditError, match="cannot be written"):
        convert(configure(), source, target, paths=paths, make_processor=Storing, read_policy=lambda: policy)
    assert target.exists() is written
    if written:
        (told,) = events(paths)
        assert [told[name] for name in ("event", "file", "persona", "mark", "policy")] == [
            *("convert", "out.png", "nobody", False),
            policy.digest,
        ]
