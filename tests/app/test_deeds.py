"""What a running daemon can be told to do: in whole runs, with the processor that costs nothing."""

import errno
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from livecam.app import Daemon
from livecam.app.deeds import SourceKeeper, shows_user
from livecam.app.outlets import FixedOutlets
from livecam.app.provenance.manifest import read as read_manifest
from livecam.app.provenance.signer import Signer
from livecam.app.recording import Recorder
from livecam.app.registry import SINKS
from livecam.capture.switch import PATIENCE_S
from livecam.config import Config, Paths, load
from livecam.core.cleared import Cleared, How, Withheld
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Picture, Size
from livecam.core.settings import Panic, Resume
from livecam.core.spec import parse_spec
from livecam.errors import ConfigError, LivecamError, SinkError, SourceGone
from livecam.faces.favourites import Favourites, path_of
from livecam.faces.worn import WornAs, keep_worn
from livecam.privacy.slate import draw_slate, to_picture
from tests.app import keeping
from tests.app.test_daemon import adds_up
from tests.fakes import ListSink, ScriptedProcessor

LIVE_S = 60.0


class Run:
    """A daemon over a synthetic source, looked after as `run` does."""

    def __init__(self, folder: Path, processor: ScriptedProcessor | None = None, **values: str) -> None:
        base = {
            "source.spec": "synthetic?noise=0",
            "source.size": "320x240",
            "source.fps": "60",
            "output.sinks": "memory",
            "output.recordings": str(folder / "recordings"),
        }
        named = {name.replace("__", "."): value for name, value in values.items()}
        self.file = folder / "livecam.toml"
        self.flags = base | named
        self.folder = folder
        self.processor = processor or ScriptedProcessor()
        self.paths = Paths.find({"LIVECAM_DATA": str(folder / "data"), "LIVECAM_CACHE": str(folder / "cache")})
        self.daemon = Daemon(self.read(), self.paths, lambda: self.processor, read_config=self.read)

    def read(self) -> Config:
        self.file.touch()
        return load(self.flags, self.file, {}).config

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIVE_S
        while not true():
            assert time.monotonic() < deadline
            self.daemon.check()
            time.sleep(0.01)

    def sent(self, more: int) -> None:
        """Wait until so many more frames have been seen."""
        goal = len(self.processor.seen) + more
        self.until(lambda: len(self.processor.seen) >= goal)

    def slated(self) -> None:
        """Panic, and wait until nothing else is on its way."""
        self.daemon.submit(Panic())
        slates = self.daemon.report().sent["slate"]
        self.until(lambda: self.daemon.report().sent["slate"] > slates + 1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def started(processor: ScriptedProcessor | None = None, **values: str) -> Run:
        run = Run(tmp_path, processor, **values)
        runs.append(run)
        run.daemon.start()
        run.sent(2)
        # On a busy machine frames may pass before the outputs are open.
        run.until(lambda: sum(run.daemon.report().sent.values()) > 0)
        return run

    yield started
    for run in runs:
        run.daemon.stop()


def test_a_recording_is_begun_and_ended_while_the_run_goes_on(start: Callable[..., Run]) -> None:
    run = start()
    deeds = run.daemon.deeds
    said = deeds.record(True)
    path = Path(said.removeprefix("Recording to ").removesuffix("."))
    assert path.parent == run.folder / "recordings"
    assert path.name.startswith("call-")
    assert run.daemon.about()["recording"] == str(path)
    with pytest.raises(SinkError, match="A recording is running"):
        deeds.record(True)
    sink = deeds.recorder._sink
    assert sink is not None
    run.until(
        lambda: any("call-" in str(one["name"]) and int(str(one["sent"])) >= 30 for one in run.daemon.report().sinks)
    )
    assert any("call-" in name for name in run.daemon.status(run.daemon.check()).sinks)
    assert deeds.record(False).endswith(f"s to {path}, signed.")
    found = read_manifest(path)
    assert found is not None
    assert (found.valid, found.session) == (True, run.daemon.session)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= max(25 - sink.dropped, 1)
    assert run.daemon.about()["recording"] == ""
    run.sent(3)
    with pytest.raises(SinkError, match="No recording is running"):
        deeds.record(False)


def test_a_recording_that_the_disk_cut_short_says_so(start: Callable[..., Run]) -> None:
    run = start()
    deeds = run.daemon.deeds
    first = Path(deeds.record(True).removeprefix("Recording to ").removesuffix("."))
    run.sent(30)
    sink = deeds.recorder._sink
    assert sink is not None
    sink.path = first.with_name("next.mp4")
    assert deeds.record(False) == f"The disk was full or failed meanwhile, so that part is missing. Kept: {first}."


def test_on_a_full_disk_no_recording_is_begun(start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 400_000

    run = start()
    monkeypatch.setattr("shutil.disk_usage", lambda place: Full)
    with pytest.raises(SinkError, match=r"is full: 0\.4 MB are free"):
        run.daemon.deeds.record(True)
    assert run.daemon.about()["recording"] == ""


@pytest.mark.parametrize(
    ("number", "told"), [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "It may not be written")]
)
def test_a_recording_that_cannot_be_made_is_told(
    start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def refuse(path: Path, overwrite: bool) -> None:
        raise OSError(number, "refused")

    run = start()
    monkeypatch.setattr("livecam.output.record.create", refuse)
    with pytest.raises(SinkError, match=told):
        run.daemon.deeds.record(True)
    run.sent(3)
    assert run.daemon.status(run.daemon.check()).sinks == ("memory",)


def test_a_folder_that_is_a_file_is_told_and_another_is_taken_after_a_reload(start: Callable[..., Run]) -> None:
    run = start()
    (run.folder / "recordings").write_text("")
    with pytest.raises(LivecamError, match="recordings"):
        run.daemon.deeds.record(True)
    with pytest.raises(LivecamError, match="recordings"):
        run.daemon.deeds.snapshot()
    run.flags["output.recordings"] = str(run.folder / "others")
    run.daemon.deeds.reload()
    assert str(run.folder / "others") in run.daemon.deeds.snapshot()


def test_a_snapshot_is_the_next_picture_that_leaves(start: Callable[..., Run]) -> None:
    run = start(ScriptedProcessor())
    said = run.daemon.deeds.snapshot()
    path = Path(said.removeprefix("Kept as ").removesuffix(", signed."))
    assert {"path": str(path), "provenance": "signed"} in run.daemon.report().files
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (240, 320, 3)
    assert path.stat().st_mode & 0o077 == 0, "it shows a face"
    assert [path] == list((run.folder / "recordings").iterdir())
    second = run.daemon.deeds.snapshot()
    assert second != said, "never over another"


def test_there_is_no_snapshot_of_the_slate(start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livecam.app.snapshot.WAIT_S", 0.3)
    run = start(ScriptedProcessor(lambda _: Withheld.UNCOVERED))
    with pytest.raises(LivecamError, match="the slate is shown: the face is turned away"):
        run.daemon.deeds.snapshot()
    assert not (run.folder / "recordings").exists()


def test_under_a_panic_there_is_no_snapshot(start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    run = start()
    run.slated()
    with monkeypatch.context() as patch:
        patch.setattr("livecam.app.snapshot.WAIT_S", 0.3)
        with pytest.raises(LivecamError, match="the slate is shown"):
            run.daemon.deeds.snapshot()
    run.daemon.submit(Resume())
    assert "Kept as" in run.daemon.deeds.snapshot()


def test_sinks_come_and_go_by_their_names(start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SINKS, "keep", "tests.app.keeping:make")
    run = start()
    deeds = run.daemon.deeds
    assert deeds.sink("keep", True) == "Sent to keep too."
    kept = keeping.LAST[0].kept
    run.until(lambda: len(kept) >= 2)
    assert {how for how, _, _ in kept} <= {How.SWAPPED, How.SLATE}
    for spec, on, told in (
        ("keep", True, "already"),
        ("kep", False, "Did you mean 'keep'"),
        ("nosuch", True, "There is no sink named 'nosuch'"),
        ("record:a.txt", True, "ends in .mp4"),
    ):
        with pytest.raises(LivecamError, match=told):
            deeds.sink(spec, on)
    assert deeds.sink("memory", False) == "No more sent to memory."
    with pytest.raises(SinkError, match="only sink"):
        deeds.sink("keep", False)
    run.sent(3)
    assert run.daemon.status(run.daemon.check()).sinks == ("keep",)


def test_what_listens_is_not_told_of(start: Callable[..., Run]) -> None:
    run, tap = start(), ListSink()
    run.daemon.add_sink(tap)
    run.until(lambda: bool(tap.sent))
    assert run.daemon.status(run.daemon.check()).sinks == ("memory",)
    run.daemon.remove_sink(tap)
    assert tap.closed == 1
    count = len(tap.sent)
    run.sent(4)
    assert len(tap.sent) == count


def test_another_source_takes_over_and_tracks_are_dropped(start: Callable[..., Run]) -> None:
    run = start()
    before = run.daemon.report()
    resets = run.processor.resets
    said = run.daemon.deeds.source("synthetic?seed=5&noise=0")
    assert said == "Frames come from synthetic, 320x240."
    run.until(lambda: run.processor.resets > resets)
    assert run.daemon.about()["source"] == "synthetic?seed=5&noise=0"
    with pytest.raises(SourceGone, match=r"missing\.mp4"):
        run.daemon.deeds.source("file:missing.mp4")
    assert run.daemon.about()["source"] == "synthetic?seed=5&noise=0"
    run.sent(5)
    after = run.daemon.report()
    assert after.source_lost == before.source_lost == 0
    run.daemon.stop()
    adds_up(run.daemon.report())


def test_while_the_camera_is_closed_another_source_is_only_chosen(tmp_path: Path) -> None:
    (tmp_path / "livecam.toml").touch()
    flags = {"source.spec": "synthetic", "source.size": "320x240"}
    config = load(flags, tmp_path / "livecam.toml", {}).config
    keeper = SourceKeeper(config, MonotonicClock(), lambda: None)
    begun = time.monotonic()
    info = keeper.replace(parse_spec("synthetic?seed=5"))
    assert (str(info.size), keeper.spec.text) == ("320x240", "synthetic?seed=5")
    assert time.monotonic() - begun < PATIENCE_S, "nobody is waited for"


def test_another_source_of_another_size_is_fitted(start: Callable[..., Run], tmp_path: Path) -> None:
    from tests.capture.clips import write_clip

    run = start()
    clip = write_clip(tmp_path / "clip.mp4")
    assert run.daemon.deeds.source(f"file:{clip}") == "Frames come from file:clip.mp4, 128x96."
    run.sent(5)
    assert run.daemon.report().size == "320x240"


def test_a_favourite_is_the_persona_of_that_number(start: Callable[..., Run]) -> None:
    run = start()
    Favourites(path_of(run.paths.data)).set("ann", 2)
    assert run.daemon.deeds.favourite(2) == "ann"
    with pytest.raises(LivecamError, match="No persona is on 3"):
        run.daemon.deeds.favourite(3)
    run.flags["bank.favourites"] = "3=bob"
    run.daemon.deeds.reload()
    assert run.daemon.deeds.favourite(3) == "bob"


def test_a_reload_drops_no_frame_and_follows_what_it_can(tmp_path: Path) -> None:
    # The best of three: where the machine stands still for longer than a picture is held, the slate is right.
    slates = 1
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "livecam.toml").write_text("[privacy]\nhold_ms = 2000\n")
        run = Run(folder)
        run.daemon.start()
        try:
            slates = reloaded(run)
        finally:
            run.daemon.stop()
        if not slates:
            break
    assert slates == 0, "the picture never went away"


def reloaded(run: Run) -> int:
    """Frames come again before the end; how many times the slate went out meanwhile."""
    run.sent(22)
    before = run.daemon.report()
    run.file.write_text(
        "[face]\nshape = 0.2\nothers = 'leave'\n[neural]\nblend = 0.1\n[label]\nshown = false\n"
        "[privacy]\nhold_ms = 1900\n[panel]\nport = 1\n"
    )
    run.flags["source.spec"] = "synthetic?seed=3&noise=0"
    run.flags["output.sinks"] = "memory;null"
    said = run.daemon.deeds.reload()
    for told in ("Shape 0.2.", "Other people: leave.", "Blend 0.1.", "The label is not shown.", "held for 1900 ms"):
        assert told in said
    for told in ("Frames come from synthetic", "Sent to null too.", "Restart to change panel.port."):
        assert told in said
    settings = run.daemon.settings()
    assert (settings.shape, settings.blend, settings.label) == (0.2, 0.1, False)
    run.sent(30)
    after = run.daemon.report()
    assert after.source_lost == after.source_reopened == 0
    run.file.write_text("[face]\nshape = many\n")
    with pytest.raises(ConfigError, match="The old configuration stays in force"):
        run.daemon.deeds.reload()
    assert run.daemon.settings().shape == 0.2
    return after.sent["slate"] - before.sent["slate"]


def test_the_first_persona_is_worn_as_it_is_to_be(tmp_path: Path) -> None:
    run = Run(tmp_path)
    keep_worn(run.paths.personas / "nobody", WornAs(shape=0.9, blend=0.1))
    run.daemon.dress({"neural.blend"})
    assert run.daemon.settings().shape == 0.9
    assert run.daemon.settings().blend == run.daemon.config.settings.blend


class Looking(ListSink):
    """Keeps the pictures too."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[Picture] = []

    def send(self, cleared: Cleared) -> None:
        super().send(cleared)
        self.pictures.append(cleared.picture.copy())


def test_a_slate_of_other_words_is_out_with_the_next_tick(start: Callable[..., Run]) -> None:
    run, sink = start(), Looking()
    run.slated()
    run.daemon.add_sink(sink)
    run.until(lambda: len(sink.pictures) > 2)
    run.file.write_text("[privacy]\nslate_text = 'Back soon'\n[label]\ntext = 'NOT ME'\n[governor]\nbudget_ms = 20\n")
    said = run.daemon.deeds.reload()
    for told in ("The slate is the new one.", "The label says 'NOT ME'.", "Quality is given up from 20 ms a frame on."):
        assert told in said
    sent = len(sink.pictures)
    run.until(lambda: len(sink.pictures) > sent + 2)
    old, new = (
        to_picture(draw_slate(Size(320, 240), text)) for text in (run.daemon.config.privacy.slate_text, "Back soon")
    )
    assert np.array_equal(sink.pictures[0], old)
    assert np.array_equal(sink.pictures[-1], new)
    run.file.write_text("[privacy]\nslate_picture = 'gone.png'\n")
    with pytest.raises(LivecamError, match=r"gone\.png cannot be read"):
        run.daemon.deeds.reload()


def test_figures_are_those_of_the_last_seconds(start: Callable[..., Run]) -> None:
    run, begun_s = start(), time.monotonic()
    run.daemon.figures()
    live = run.daemon.report().sent["live"]
    run.sent(30)
    run.until(lambda: run.daemon.report().sent["live"] >= live + 10)
    fewest, figures = run.daemon.report().sent["live"] - live, run.daemon.figures()
    fps = float(str(figures["fps"]))
    assert fewest / (time.monotonic() - begun_s) - 0.1 < fps < 90
    assert 0 < float(str(figures["delay_ms"])) < 600 / fps + 1000, "half of what a picture stands, and its age"
    assert isinstance(figures["stages"], Mapping)
    assert set(figures["stages"]) == {"whole", "swap"}


def test_the_processor_can_be_wrapped(tmp_path: Path) -> None:
    class Tap(ScriptedProcessor):
        pass

    tap, config = Tap(), Run(tmp_path).read()
    daemon = Daemon(config, None, ScriptedProcessor, lambda _: tap)
    daemon.start()
    deadline = time.monotonic() + LIVE_S
    while not tap.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    daemon.stop()
    assert tap.seen


def test_a_camera_shows_the_user_and_a_clip_does_not() -> None:
    told = {text: shows_user(parse_spec(text)) for text in ("camera:0", "stream:udp://h:1", "file:a.mp4", "synthetic")}
    assert told == {"camera:0": True, "stream:udp://h:1": True, "file:a.mp4": False, "synthetic": False}


def test_a_password_is_not_told(tmp_path: Path) -> None:
    run = Run(tmp_path, source__spec="stream:rtsp://me:secret@10.0.0.7/live")
    assert run.daemon.about()["source"] == "stream:rtsp://10.0.0.7/live"


def test_with_the_output_process_it_is_told_what_to_do_instead() -> None:
    outlets = FixedOutlets()
    with pytest.raises(LivecamError, match="--sink record:PATH"):
        Recorder(outlets, Path, Signer(1, None)).start()
    with pytest.raises(LivecamError, match="--sink web"):
        outlets.add(parse_spec("web"))
    with pytest.raises(LivecamError, match="without --output-process"):
        outlets.remove("web")
