"""``livecam studio``, without torch: a backend that makes what it was given."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from livecam.app.stills import Stills, open_stills
from livecam.app.stills.seeing import StillFaces
from livecam.cli import root, studio_asked, studio_shop
from livecam.cli.studio_command import _COMMANDS
from livecam.cli.studio_flags import BACKENDS, SLOTS, STILL_SETTINGS
from livecam.config import Paths, Policy
from livecam.core.frame import Image
from livecam.core.persona import Basis, Scope
from livecam.errors import SinkLost, StudioError, StudioMemory
from livecam.faces.consents import Consents
from livecam.faces.library import PersonaLibrary
from livecam.inference.weights import cache_folder
from livecam.studio import backends
from livecam.studio.backends import CAPS, caps_of
from livecam.studio.chosen import Options
from livecam.studio.terms import Caps, Conditions, Device, Mask, Sampling, Slot, Step, Weights
from livecam.studio.timing import Pace, Paces, lasting
from tests.app.stills.opened import on_grey, opened


class Darker:
    """A backend that makes the masked part darker, in four steps; what it was asked for is kept."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.asked: list[tuple[int, Sampling, Mapping[Slot, float]]] = []
        self.closed = 0
        self.fails: Exception | None = None
        self.interrupts = False

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        self.asked.append((len(image), sampling, conditions.scales))
        if self.fails is not None:
            raise self.fails
        for done in range(1, 5):
            if self.interrupts:
                os.kill(os.getpid(), signal.SIGINT)
            step(done, 4)
        out = image.copy()
        out[mask > 127] //= 2
        return out

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        step(1, 1)
        return np.full((side, side, 3), 90, np.uint8)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> StillFaces:
    """The real networks, loaded once."""
    return opened(tmp_path_factory.mktemp("faces")).faces


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: StillFaces) -> Path:
    """No test sees this user's files, but for the embedded networks."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LIVECAM_MODELS_CACHE", str(cache_folder()))
    for name in ("HOME", "XDG_CONFIG_HOME", "LIVECAM_DATA", "LIVECAM_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for module in ("batch", "slate"):
        monkeypatch.setattr(f"livecam.cli.studio_{module}.start_log", lambda _: None)
    monkeypatch.setattr(studio_asked, "missing_extra", tuple)
    monkeypatch.setattr(studio_shop, "go_quietly_offline", lambda: None)
    monkeypatch.setattr(Stills, "faces", faces)
    monkeypatch.setattr("livecam.app.mesh.Networks.ensure", lambda _: None)
    cv2.imwrite(str(tmp_path / "in.png"), on_grey((60, 20, 200), width=320, height=240))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Darker:
    darker = Darker(caps_of("tiny"))

    def make(weights: Weights | None, device: Device) -> Darker:
        assert (weights, device) == (None, Device("cpu"))
        return darker

    monkeypatch.setattr(backends, "maker_of", lambda _: make)
    return darker


def call(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["studio", *arguments])


def read(name: str) -> Image:
    image = cv2.imread(name)
    assert image is not None
    return np.asarray(image, np.uint8)


def left() -> list[str]:
    """Files here, hidden ones too."""
    return sorted(path.name for path in Path().iterdir() if path.is_file())


def test_what_is_said_again_here_is_what_the_studio_says() -> None:
    assert tuple(CAPS) == BACKENDS
    assert tuple(Slot) == SLOTS


def test_it_explains_itself(made: Darker) -> None:
    told = call().output
    assert "Not live" in told
    assert "nothing is downloaded" in " ".join(told.split())
    for name in _COMMANDS:
        assert f"\n  {name} " in told
    for caps in CAPS.values():
        assert f"{caps.name}\t{caps.base}\t{caps.licence}\t" in told
    assert "klein4b\tFLUX.2 [klein] 4B\tApache-2.0\tnone; up to 4 reference pictures\tnot registered" in told
    assert "needs no weights" in told


def test_help_imports_neither_torch_nor_opencv() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom livecam.cli.root import root\n"
        "for words in ([], ['swap'], ['restore'], ['slate']):\n"
        "    assert CliRunner().invoke(root, ['studio', *words, '--help']).exit_code == 0\n"
        "print(sorted({'torch', 'cv2', 'diffusers', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_swap_from_end_to_end(made: Darker) -> None:
    before = read("in.png")
    result = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny", "--report", "r.json", "--no-label")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Swapped in.png into out.png in ")
    assert "it is without a label, marked (session " in result.stdout
    assert "tiny works on cpu, 128 px. How long a picture takes is not known yet" in result.stderr
    assert "There is no face parser here: glasses" in result.stderr
    assert "in.png: 100 %" in result.stderr
    change = np.abs(read("out.png").astype(int) - before)
    assert change[60:200, 100:220].mean() > 10, "the face"
    assert change[:, 300:].max() <= 2, "the mark alone"
    report = json.loads(Path("r.json").read_bytes())
    assert (report["backend"], report["persona"], report["device"]) == ("tiny", "nobody", "cpu")
    (picture,) = report["pictures"]
    assert (picture["in"], picture["out"], picture["ok"], picture["judged"]) == ("in.png", "out.png", True, False)
    assert made.closed == 1
    again = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny", "--replace")
    assert "A picture takes about " in again.stderr
    assert "(as measured on 1 before)." in again.stderr


def test_flags_reach_the_backend(made: Darker) -> None:
    result = call(
        *("swap", "in.png", "nobody", "out.png", "--backend", "tiny", "--steps", "7", "--strength", "0.5"),
        *("--seed", "11", "--attempts", "2", "--side", "192", "--tokens", "0.3", "--attention", "0", "--face", "1"),
    )
    assert result.exit_code == 0, result.output
    ((side, sampling, scales),) = made.asked
    assert (side, sampling) == (192, Sampling(7, 0.5, 11))
    assert scales == {Slot.TOKENS: 0.3, Slot.LANDMARKS: 1.0}


def test_a_folder_goes_on_after_a_bad_file_and_says_so(made: Darker) -> None:
    folder = Path("photos")
    folder.mkdir()
    cv2.imwrite("photos/a.png", read("in.png"))
    Path("photos/b.jpg").write_bytes(b"no picture")
    cv2.imwrite("photos/c.png", np.full((200, 200, 3), 90, np.uint8))
    cv2.imwrite("photos/d.bmp", read("in.png"))
    Path("photos/notes.txt").write_text("left alone")
    result = call("swap", "photos", "nobody", "swapped", "--backend", "tiny", "--report", "r.json")
    assert result.exit_code == 1
    assert "photos/b.jpg is left out." in result.stderr
    assert "photos/c.png is left out. No face was found" in result.stderr
    assert "2 of 4 pictures were made." in result.stderr
    assert sorted(path.name for path in Path("swapped").iterdir()) == ["a.png", "d.png"]
    pictures = json.loads(Path("r.json").read_bytes())["pictures"]
    assert [picture["ok"] for picture in pictures] == [True, False, False, True]
    done = call("swap", "swapped", "nobody", "again", "--backend", "tiny", "--face", "0", "--attempts", "1")
    assert "2 of 2 pictures were made." in done.stdout or done.exit_code == 1, "what was made darker may show no face"


def test_restoring_and_an_away_picture(made: Darker) -> None:
    restored = call("restore", "in.png", "better.png", "--backend", "tiny")
    assert restored.exit_code == 0, restored.output
    assert "better.png was made in" in restored.stdout
    assert "There is no face parser here: glasses" in restored.stderr
    assert made.asked[0][1].strength == pytest.approx(0.3)
    away = call("slate", "nobody", "away.png", "--backend", "tiny", "--size", "640x360", "--text", "Back soon")
    assert away.exit_code == 0, away.output
    assert "Use it: livecam run --slate-picture away.png" in away.stdout
    assert read("away.png").shape == (360, 640, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ("swap", "in.png", "nobody", "out.png", "--backend", "sd15"),
            1,
            "There is no studio backend 'sd15'. There are",
        ),
        (("swap", "in.png", "nobody", "out.png"), 1, "No weights are registered for klein4b"),
        (("swap", "in.png", "nobody", "out.png", "--tokens", "1"), 1, "klein4b has no adapter for tokens"),
        (("swap", "no.png", "nobody", "out.png", "--backend", "tiny"), 1, "There is no file no.png."),
        (("swap", "in.png", "nobdy", "out.png", "--backend", "tiny"), 1, "Did you mean 'nobody'?"),
        (("swap", "text.png", "nobody", "out.png", "--backend", "tiny"), 1, "text.png"),
        (("swap", "wall.png", "nobody", "out.png", "--backend", "tiny"), 1, "No face was found in the picture."),
        (("swap", "two.png", "nobody", "out.png", "--backend", "tiny"), 1, "There are 2 faces in the picture."),
        (("swap", "two.png", "nobody", "out.png", "--backend", "tiny", "--face", "3"), 1, "There is no face 3"),
        (("swap", "in.png", "nobody", "in.png", "--backend", "tiny"), 2, "OUT is IN"),
        (("swap", "in.png", "nobody", "two.png", "--backend", "tiny"), 2, "two.png exists."),
        (("swap", "in.png", "nobody", "out.gif", "--backend", "tiny"), 2, ".gif files cannot be written."),
        (("swap", "in.png", "nobody", "out.mp4", "--backend", "tiny"), 2, "the studio makes pictures"),
        (("swap", "in.png", "nobody", "no/out.png", "--backend", "tiny"), 1, "There is no folder no."),
        (("swap", "empty", "nobody", "out", "--backend", "tiny"), 1, "There are no photos in empty."),
        (("swap", "in.png", "nobody", "out.png", "--report", "in.png"), 2, "The report would overwrite"),
        (("swap", "in.png", "nobody", "out.png", "--strength", "3"), 1, "A strength lies above 0"),
        (("swap", "in.png", "nobody", "out.png", "--side", "100"), 1, "multiple of 16"),
        (("swap", "in.png", "nobody", "out.png", "--attempts", "0"), 2, "not in the range"),
        (("swap", "in.png", "nobody", "out.png", "--device", "tpu"), 2, "tpu"),
        (("slate", "nobody", "two.png", "--backend", "tiny"), 2, "two.png exists."),
        (("slate", "nobody", "out.png", "--backend", "tiny", "--size", "big"), 2, "--size: 'big' is not a size"),
        (("slate", "nobody", "no/out.png", "--backend", "tiny"), 1, "There is no folder no."),
        (("restore", "in.png", "out.png", "--backend", "tiny", "--persona", "carl"), 1, "no persona"),
    ],
)
def test_mistakes_are_a_sentence_and_leave_nothing(
    made: Darker, arguments: tuple[str, ...], code: int, told: str
) -> None:
    Path("text.png").write_text("no picture at all")
    Path("empty").mkdir()
    cv2.imwrite("wall.png", np.full((200, 200, 3), 90, np.uint8))
    cv2.imwrite("two.png", on_grey((20, 20, 160), (200, 20, 170), width=400, height=240))
    before = left()
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert left() == before


def ann(home: Path, *scope: Scope) -> Path:
    paths = Paths.find({"LIVECAM_DATA": str(home / "home"), "LIVECAM_CACHE": str(home / "home")})
    library = PersonaLibrary(paths.personas, {}, paths.prepared)
    library.add("ann", [Path("in.png")], Basis.WRITTEN, scope=frozenset(scope))
    return paths.personas


def test_a_persona_that_may_not_be_shown_is_refused_before_anything_is_loaded(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "maker_of", lambda _: pytest.fail("nothing is to be loaded"))
    root_folder = ann(home, Scope.LIVE)
    for command in (("swap", "in.png", "ann", "out.png"), ("slate", "ann", "out.png")):
        result = call(*command, "--backend", "tiny")
        assert result.exit_code == 1
        assert "The consent for 'ann' is not for snapshots and pictures." in result.stderr
    Consents(root_folder).revoke("ann")
    assert "was taken back" in call("swap", "in.png", "ann", "out.png", "--backend", "tiny").stderr
    assert not Path("out.png").exists()


def test_what_is_no_picture_is_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "maker_of", lambda _: pytest.fail("nothing is to be loaded"))
    Path("text.png").write_text("no picture at all")
    for command in (("swap", "text.png", "nobody", "out.png"), ("restore", "text.png", "out.png")):
        result = call(*command, "--backend", "tiny")
        assert result.exit_code == 1
        assert "text.png is no JPEG" in result.stderr


def test_what_the_policy_forbids_is_not_begun(made: Darker, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = partial(open_stills, read_policy=lambda: Policy(recordings=False))
    monkeypatch.setattr("livecam.app.stills.open_stills", closed)
    result = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny")
    assert result.exit_code == 2
    assert "Your organisation's policy forbids to keep pictures in files." in result.stderr
    assert made.asked == []


def test_without_the_extra_it_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_asked, "missing_extra", lambda: ("torch", "diffusers"))
    result = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny")
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "The studio needs packages that are not installed: torch, diffusers. "
        "Install them: pip install 'livecam[studio]'"
    )


def test_ctrl_c_ends_it_in_order(made: Darker) -> None:
    made.interrupts = True
    before, handler = left(), signal.getsignal(signal.SIGINT)
    result = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny")
    assert result.exit_code == 130
    assert result.stderr.strip().endswith("Cancelled; nothing was written.")
    assert left() == before
    assert made.closed == 1
    assert signal.getsignal(signal.SIGINT) == handler


def test_memory_ends_a_folder_with_its_sentence(made: Darker) -> None:
    Path("photos").mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(f"photos/{name}", read("in.png"))
    made.fails = StudioMemory("The memory does not suffice.", "Try --side 512.")
    result = call("swap", "photos", "nobody", "out", "--backend", "tiny", "--report", "r.json")
    assert result.exit_code == 1
    assert result.stderr.strip().endswith("The memory does not suffice. Try --side 512.")
    assert len(made.asked) == 1
    report = json.loads(Path("r.json").read_bytes())
    (picture,) = report["pictures"]
    assert (report["asked"], picture["ok"], picture["in"]) == (2, False, "photos/a.png")
    assert "does not suffice" in picture["problem"]


@pytest.mark.parametrize("command", [("swap", "photos", "nobody", "out"), ("restore", "photos", "out")])
def test_a_folder_that_is_cancelled_reports_what_was_made(
    made: Darker, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    Path("photos").mkdir()
    for name in "abc":
        cv2.imwrite(f"photos/{name}.png", read("in.png"))
    inpaint = made.inpaint

    def cancelled_at_the_second(*given: object) -> Image:
        made.interrupts = len(made.asked) == 1
        return inpaint(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(made, "inpaint", cancelled_at_the_second)
    result = call(*command, "--backend", "tiny", "--report", "r.json")
    assert result.exit_code == 130
    report = json.loads(Path("r.json").read_bytes())
    assert (report["asked"], [picture["ok"] for picture in report["pictures"]]) == (3, [True, False])
    assert [path.name for path in Path("out").iterdir()] == ["a.png"]


def test_a_picture_that_cannot_be_made_is_reported_too(made: Darker) -> None:
    cv2.imwrite("wall.png", np.full((200, 200, 3), 90, np.uint8))
    result = call("swap", "wall.png", "nobody", "out.png", "--backend", "tiny", "--report", "r.json")
    assert result.exit_code == 1
    (picture,) = json.loads(Path("r.json").read_bytes())["pictures"]
    assert "No face was found" in picture["problem"]


def test_a_report_that_cannot_be_written_hides_nothing(made: Darker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SinkLost("Cannot write r.json: the disk is full.")

    monkeypatch.setattr("livecam.cli.studio_batch.write_report", full)
    made.fails = StudioMemory("The memory does not suffice.")
    result = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny", "--report", "r.json")
    assert result.stderr.strip().endswith("Cannot write r.json: the disk is full.\nThe memory does not suffice.")


@pytest.mark.parametrize("folder", [False, True])
def test_an_end_that_is_asked_for_while_a_picture_is_signed_waits_for_that(
    made: Darker, monkeypatch: pytest.MonkeyPatch, folder: bool
) -> None:
    def asked(_: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("os.fsync", asked)
    Path("photos").mkdir()
    for name in "ab":
        cv2.imwrite(f"photos/{name}.png", read("in.png"))
    given = ("photos", "nobody", "out") if folder else ("in.png", "nobody", "out.png")
    result = call("swap", *given, "--backend", "tiny")
    assert result.exit_code == (130 if folder else 0), result.output
    assert sorted(path.name for path in Path("out" if folder else ".").glob("*.png")) == (
        ["a.png"] if folder else ["in.png", "out.png"]
    )
    assert not list(Path().rglob(".studio-*"))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_full_disk_leaves_nothing(made: Darker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    before = left()
    result = call("swap", "in.png", "nobody", "out.png", "--backend", "tiny")
    assert result.exit_code == 1
    assert "Cannot write out.png: the disk is full." in result.stderr
    assert left() == before


def test_the_estimate_heeds_how_large_pictures_are(made: Darker, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Pace(1.0, 2.0, 3, megapixel_s=100.0)
    monkeypatch.setattr(Paces, "of", lambda *_: known)
    Path("photos").mkdir()
    cv2.imwrite("photos/a.png", np.full((100, 200, 3), 90, np.uint8))
    cv2.imwrite("photos/b.png", np.full((400, 200, 3), 90, np.uint8))
    Path("photos/c.png").write_bytes(b"no picture")
    steps = round(CAPS["tiny"].steps * CAPS["tiny"].strength)
    for given, pixels in ((("in.png", "nobody", "out.png"), 320 * 240), (("photos", "nobody", "out"), 50_000)):
        told = call("swap", *given, "--backend", "tiny").stderr
        assert f"A picture takes about {lasting(steps + 2 + 100 * pixels / 1e6)} here" in told
    away = call("slate", "nobody", "away.png", "--backend", "tiny", "--size", "640x360").stderr
    assert f"A picture takes about {lasting(CAPS['tiny'].steps + 2 + 23.04)} here" in away


def test_every_setting_of_a_still_has_its_flag() -> None:
    for command in ("swap", "restore", "slate"):
        told = call(command, "--help").output
        assert all(key.setting.flag in told for key in STILL_SETTINGS)


PULID, FACEID = {Slot.ATTENTION: "glintr100"}, {Slot.TOKENS: "arcface_w600k_r50"}
INSTANTID = {Slot.LANDMARKS: "glintr100"}


@pytest.mark.parametrize(
    ("known", "told", "said"),
    [
        (PULID, "glintr100", ""),
        (PULID, "arcface_w600k_r50", "livecam models pull glintr100"),
        (FACEID, "arcface_w600k_r50", ""),
        (FACEID, "glintr100", "livecam models pull arcface_w600k_r50"),
        (FACEID | INSTANTID, "glintr100", "Another adapter knows glintr100, and there is one for all: --tokens 0"),
        (INSTANTID, "sface", "livecam models pull glintr100"),
        ({}, "sface", ""),
    ],
)
def test_an_adapter_that_does_not_know_the_recogniser_is_told_of(
    known: Mapping[Slot, str], told: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    studio_asked.warn_of_strangers(known, told)
    heard = capsys.readouterr().err
    assert heard.count("the likeness will be poor") == bool(said)
    assert said in heard


def test_faces_are_told_by_the_recogniser_that_the_adapters_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert studio_asked.recogniser_for({}) == ""
    assert studio_asked.recogniser_for(FACEID) == "arcface_w600k_r50"
    assert studio_asked.recogniser_for(FACEID | INSTANTID) == "glintr100"
    monkeypatch.setattr("livecam.studio.weights.vectors_of", lambda name, paths: FACEID | INSTANTID)
    places = Paths(tmp_path, tmp_path, tmp_path)
    assert studio_asked.vectors_here("sdxl-instantid", places, [Slot.TOKENS]) == FACEID

    def broken(name: str, paths: Paths) -> Mapping[Slot, str]:
        raise StudioError("It is no sound file.")

    monkeypatch.setattr("livecam.studio.weights.vectors_of", broken)
    assert studio_asked.vectors_here("sdxl-instantid", places, list(Slot)) == {}


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("restore", "in.png", "out.png"), "--attempts"),
        (("slate", "nobody", "out.png"), "--strength"),
        (("expand", "nobody"), "--strength"),
        (("expand", "nobody"), "--attempts"),
        (("swap", "in.png", "nobody", "out.png"), "--offload"),
    ],
)
def test_a_flag_that_would_have_no_effect_is_refused(made: Darker, arguments: tuple[str, ...], flag: str) -> None:
    value = "model" if flag == "--offload" else "1"
    result = call(*arguments, "--backend", "tiny", flag, value)
    assert result.exit_code in (1, 2)
    assert flag in result.stderr
    assert not made.asked
    assert "out.png" not in left()


def test_adapters_that_nobody_registered_are_left_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    flux, place = caps_of("flux1"), Path("somewhere")
    pulid = Weights(place, {Slot.ATTENTION: place}, {})
    left = studio_asked.without_unregistered(Options(), flux, pulid)
    assert left.scales_for(flux) == {Slot.ATTENTION: 1.0}
    said = capsys.readouterr().err
    assert "Left out, since no adapter is registered: tokens, landmarks." in said
    assert "livecam studio register flux1 --base FOLDER --tokens FILE --landmarks FILE" in said
    with pytest.raises(StudioError, match="No adapter is registered for landmarks"):
        studio_asked.without_unregistered(Options(scales={Slot.LANDMARKS: 0.5}), flux, pulid)
    with pytest.raises(StudioError, match=r"Nothing tells flux1 whom to show\. Register one"):
        studio_asked.without_unregistered(Options(), flux, Weights(place, {}, {}))
    with pytest.raises(StudioError, match=r"Nothing tells flux1 whom to show\. All adapters are at 0"):
        studio_asked.without_unregistered(Options(scales=dict.fromkeys(Slot, 0.0)), flux, pulid)
    for caps, weights in ((caps_of("klein4b"), Weights(place, {}, {})), (caps_of("tiny"), None), (flux, None)):
        assert studio_asked.without_unregistered(Options(), caps, weights).scales_for(caps) == caps.scales
    assert capsys.readouterr().err == ""


def test_an_extra_that_fills_a_slot_besides_is_not_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    sdxl, place = caps_of("sdxl-instantid"), Path("somewhere")
    instantid = Weights(place, {Slot.LANDMARKS: place}, {"resampler": place})
    assert studio_asked.without_unregistered(Options(), sdxl, instantid).scales_for(sdxl) == sdxl.scales
    assert capsys.readouterr().err == ""
