"""Other networks take over in the middle of a call, or those that serve go on."""

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from livecam.app import Daemon, presets
from livecam.app.assemble import Assembly
from livecam.app.exchange import Served
from livecam.app.presets import Presets, same_people, with_preset
from livecam.app.wardrobe import Wardrobe
from livecam.app.wearers import ANYBODY
from livecam.cli.root import root
from livecam.config import Config, NeuralConfig, Paths, PeopleConfig, PresetName, load
from livecam.core.cleared import How, Withheld
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import ConfigError, EngineError, LivecamError, ModelError, PersonaError, WeightsMissing
from livecam.output.memory import MemorySink
from tests.app.serving import BARE, Painter, frame, picture

NUMBERS = {PresetName.MESH: 1, PresetName.FAST: 2, PresetName.BALANCED: 3}


def configured(preset: PresetName) -> Config:
    return replace(Config(), neural=NeuralConfig(preset=preset))


class PretendAssembly:
    """Serves a painter with the number of its preset."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.painter = Painter(NUMBERS[config.neural.preset])
        self.provider, self.note, self.remark = f"painter {self.painter.number}", "", ""
        self.wardrobe = Wardrobe(self._load)
        self.swaps_nothing = False
        self.refusal: LivecamError | None = None
        self.ready = threading.Event()
        self.ready.set()
        self.enters: Callable[[], None] = lambda: None
        self.closed = threading.Event()

    def _load(self, name: str) -> Persona:
        if name == "eve":
            raise PersonaError("There is no persona 'eve'.")
        return Persona(name, {}, Consent(Basis.SELF, "", "", ()), "")

    def make_processor(self, persona: str) -> Processor:
        self.wardrobe.prepare(persona)
        return self.painter

    def serve(self, persona: str) -> Served:
        assert self.ready.wait(60)
        if self.refusal is not None:
            raise self.refusal
        self.wardrobe.prepare(persona)
        return Served(self.painter, "x", "x", self._enter, self.close)

    def _enter(self) -> None:
        self.enters()

    def stop(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        self.closed.set()


class Call:
    """Frames that pass in a thread of their own, and what was shown of each."""

    def __init__(self, arrange: Callable[[PretendAssembly], None] = lambda _: None) -> None:
        self.settings = Settings(persona="ann")
        self.shows_user = False
        self.made: list[PretendAssembly] = []
        self._arrange = arrange
        self.presets = Presets(
            self._assembled(configured(PresetName.MESH)),
            lambda config, before: self._assembled(config),
            lambda: self.settings,
            lambda: self.shows_user,
        )
        self.shown: list[int] = []
        self.slowest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _assembled(self, config: Config) -> Assembly:
        made = PretendAssembly(config)
        if self.made:
            self._arrange(made)
        self.made.append(made)
        return cast(Assembly, made)

    def _run(self) -> None:
        processor, seq = self.presets.make_processor(), 0
        while not self._stop.wait(0.002):
            seq += 1
            out, begun_s = picture(), time.monotonic()
            outcome = processor.process(frame(seq), out, self.settings)
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun_s)
            assert outcome is How.SWAPPED
            assert out.min() == out.max() != BARE
            self.shown.append(int(out.flat[0]))

    def more(self, count: int = 5) -> list[int]:
        goal = len(self.shown) + count
        deadline = time.monotonic() + 60
        while len(self.shown) < goal:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return self.shown[goal - count :]

    def end(self) -> None:
        self._stop.set()
        self._thread.join(60)


@pytest.fixture
def call() -> Iterator[Callable[..., Call]]:
    calls: list[Call] = []

    def begun(arrange: Callable[[PretendAssembly], None] = lambda _: None) -> Call:
        calls.append(Call(arrange))
        calls[-1].more()
        return calls[-1]

    yield begun
    for each in calls:
        each.end()


def test_the_other_networks_take_over_and_back_and_no_frame_is_without(call: Callable[..., Call]) -> None:
    now = call()
    assert now.presets.change(configured(PresetName.FAST)) == "Preset fast: painter 2."
    assert (set(now.more()), now.presets.name) == ({2}, "fast")
    assert now.made[0].closed.wait(60)
    assert now.presets.change(configured(PresetName.MESH)) == "Preset mesh: painter 1."
    assert set(now.more()) == {1}
    assert set(now.shown) == {1, 2}
    changes = sum(one != other for one, other in zip(now.shown, now.shown[1:], strict=False))
    assert changes == 2, "each frame by one of them"
    assert now.presets.note == ""


def test_it_is_tried_on_frames_that_pass_and_forgets_none_of_them(
    call: Callable[..., Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "_REHEARSAL_S", 60.0)
    monkeypatch.setattr(presets, "_FRESH_S", 60.0)
    now = call()
    now.presets.change(configured(PresetName.FAST))
    told = now.made[1].painter.told
    assert [each.split()[0] for each in told[:4]] == ["frame"] * 4
    assert "reset" not in told


def test_with_no_frames_it_is_not_tried_and_waits(call: Callable[..., Call], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "_REHEARSAL_S", 0.1)
    monkeypatch.setattr(presets, "_SETTLE_S", 0.1)
    # On a busy machine it may still be made ready so soon.
    for patience_s in (0.5, 5.0, 50.0):
        now = call()
        now.end()
        said = now.presets.change(configured(PresetName.FAST), patience_s)
        assert now.presets.name == "mesh"
        if "is being made ready" not in said:
            assert said == "The preset fast takes over with the next frame."
            return
    pytest.fail("It was never ready.")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (WeightsMissing("scrfd is not on this machine."), "is not on this machine. Run: livecam models pull --preset"),
        (ModelError("It is damaged."), "It is damaged."),
        (EngineError("No backend."), "No backend."),
    ],
)
def test_what_cannot_be_built_leaves_those_that_serve(
    call: Callable[..., Call], refusal: LivecamError, told: str
) -> None:
    now = call(lambda made: setattr(made, "refusal", refusal))
    with pytest.raises(type(refusal), match=told):
        now.presets.change(configured(PresetName.FAST))
    assert set(now.more()) == {1}
    assert now.made[1].closed.is_set()
    assert not now.made[0].closed.is_set()
    now._arrange = lambda _: None
    assert now.presets.change(configured(PresetName.BALANCED)) == "Preset balanced: painter 3."


def test_what_cannot_take_over_leaves_those_that_serve(call: Callable[..., Call]) -> None:
    def refuse() -> None:
        raise EngineError("The card is full.")

    now = call(lambda made: setattr(made, "enters", refuse))
    with pytest.raises(EngineError, match="could not take over"):
        now.presets.change(configured(PresetName.FAST))
    assert set(now.more()) == {1}
    assert now.presets.name == "mesh"
    assert now.made[1].closed.is_set()


def test_while_it_is_made_ready_the_call_goes_on_and_the_status_says_so(call: Callable[..., Call]) -> None:
    now = call(lambda made: made.ready.clear())
    said = now.presets.change(configured(PresetName.FAST), patience_s=0.05)
    assert said == "The preset fast is being made ready; mesh goes on."
    assert set(now.more()) == {1}
    with pytest.raises(LivecamError, match="still being made ready"):
        now.presets.change(configured(PresetName.BALANCED))
    now.presets.prepare("bob")
    now.settings = replace(now.settings, persona="bob")
    deadline = time.monotonic() + 60
    while len(now.made) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    now.made[1].ready.set()
    while now.presets.note and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(now.more()) == {2}
    assert now.made[1].wardrobe.get("bob") is not None, "whoever was put on meanwhile is ready too"


def test_stand_ins_never_take_over_before_a_camera(call: Callable[..., Call]) -> None:
    now = call(lambda made: setattr(made, "swaps_nothing", True))
    now.shows_user = True
    with pytest.raises(EngineError):
        now.presets.change(configured(PresetName.FAST))
    assert set(now.more()) == {1}


def test_what_was_freed_is_made_again_with_the_same_networks_and_the_persona_worn(call: Callable[..., Call]) -> None:
    now = call()
    now.presets.change(configured(PresetName.FAST))
    now.end()
    now.presets.free()
    now.settings = replace(now.settings, persona="bob")
    processor = now.presets.make_processor()
    out = picture()
    assert processor.process(frame(1), out, now.settings) is How.SWAPPED
    assert out.flat[0] == 2
    assert now.made[-1].wardrobe.get("bob") is not None


def test_what_was_relieved_is_not_kept_alive(call: Callable[..., Call]) -> None:
    now = call()
    relieved = weakref.ref(now.made[0])
    now.presets.change(configured(PresetName.FAST))
    assert now.made[0].closed.wait(60)
    now.made.clear()
    now.more()
    deadline = time.monotonic() + 60
    # The thread that closed it may hold it for a moment yet.
    while relieved() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert relieved() is None


def test_networks_named_for_one_preset_are_not_those_of_another() -> None:
    usual = replace(Config(), neural=NeuralConfig(preset=PresetName.FAST, swapper="inswapper_128", enhancer="gpen"))
    other = with_preset(usual, usual, PresetName.MESH)
    assert other.neural.chain.swapper == ""
    assert with_preset(other, usual, PresetName.FAST).neural == usual.neural


def test_nobody_is_swapped_later_who_was_not_enrolled_at_the_start() -> None:
    class Known:
        wearers = replace(ANYBODY, people={"me": "", "you": "grace"})

    config = replace(Config(), people=PeopleConfig(worn=(("me", "ann"),)))
    assert same_people(config, cast(Assembly, Known())).people == {"me": "ann", "you": ""}
    with pytest.raises(ConfigError, match="nobody was enrolled under that name when livecam started"):
        same_people(replace(config, people=PeopleConfig(worn=(("eve", "ann"),))), cast(Assembly, Known()))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    result = CliRunner().invoke(root, ["bench", "stand-ins", str(folder), "--preset", "fast"])
    assert result.exit_code == 0, result.output
    return folder


def test_a_call_changes_from_the_mesh_to_networks_and_back(shelf: Path, tmp_path: Path) -> None:
    """In a whole run: pictures go out all the time, none of them bare, and a missing preset changes nothing."""
    # The best of three: where the machine stands still for longer than a picture is held, the slate is right.
    hows = set[How]()
    for number in range(3):
        hows = changed(shelf, tmp_path / str(number))
        if How.SLATE not in hows:
            break
    assert hows == {How.SWAPPED}, "never the slate"


def changed(shelf: Path, folder: Path) -> set[How]:
    """A run that changes and changes back; what left meanwhile."""
    flags = {"models.recipes": str(shelf / "recipes"), "models.cache": str(shelf / "models")}
    flags |= {"source.spec": "synthetic?noise=0", "source.size": "320x240", "source.fps": "10"}
    flags |= {"output.sinks": "memory?keep=1000", "privacy.hold_ms": "2000"}
    config = load(flags, Path(os.devnull), {}).config
    paths = Paths.find({"LIVECAM_DATA": str(folder / "data"), "LIVECAM_CACHE": str(folder / "cache")})
    sink, daemon = MemorySink(1000), Daemon(config, paths)
    daemon.add_sink(sink)
    daemon.start()
    try:
        wait(daemon, lambda: daemon._telemetry.output.live > 3)
        begun = sink.sent
        assert daemon.deeds.preset(PresetName.FAST) == "Preset fast: cpu, STAND-IN: NOT SWAPPED."
        wait(daemon, lambda: "STAND-IN" in daemon.status(daemon.check()).provider)
        with pytest.raises(ConfigError, match="Stand-ins swap nothing"):
            daemon.deeds.source("camera:0")
        with pytest.raises(LivecamError, match="hyperswap_1a_256"):
            daemon.deeds.preset(PresetName.QUALITY)
        assert daemon.deeds.preset(PresetName.MESH) == "Preset mesh: cpu."
        live = daemon._telemetry.output.live
        wait(daemon, lambda: daemon._telemetry.output.live > live + 3)
        hows = {kept.how for kept in sink.kept[begun - sink.sent :]}
        assert daemon.about()["preset"] == "mesh"
        assert Withheld.FAILED not in daemon.report().withheld
        return hows
    finally:
        daemon.stop()


def wait(daemon: Daemon, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        daemon.check()
        time.sleep(0.02)
