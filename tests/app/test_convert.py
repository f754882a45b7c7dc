"""The doors of a conversion, pictures, and the real swap: the bare face is never written."""

import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from livecam.app.convert import Conversion, Options, convert
from livecam.app.convert_image import STILL_FRAMES
from livecam.app.convert_summary import NothingCleared
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.config import Paths, load
from livecam.core.cleared import How, Withheld
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.settings import Mode, Settings
from livecam.core.stamp import stamp
from livecam.errors import ConfigError, ContractError, LivecamError, PersonaError, PhotoRefused, SinkGone, SourceGone
from livecam.inference import weights
from tests.app.converting import Storing, converted, every, images, numbers, plain, write_clip

SCENE = Size(480, 360)


def picture(path: Path, size: tuple[int, int] = (320, 180)) -> Path:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    plain(5, image)
    cv2.imwrite(str(path), image)
    return path


def test_a_picture_is_shown_to_the_pipeline_until_tracking_has_settled(tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png", (321, 181))
    processor = Storing()
    done = converted(source, tmp_path / "out.png", processor)
    assert processor.seen == [5] * STILL_FRAMES
    assert (done.kind, done.size, done.frames, done.swapped) == ("image", "321x181", 1, 1)
    was, now = (cv2.imread(str(path)) for path in (source, tmp_path / "out.png"))
    assert was is not None
    assert now is not None
    assert now.shape == was.shape
    assert np.abs(now.astype(int) - was).max() <= 3


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".PNG"])
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    converted(picture(tmp_path / "in.png"), target)
    magic = {".jpg": b"\xff\xd8", ".jpeg": b"\xff\xd8", ".webp": b"RIFF", ".png": b"\x89PNG"}[suffix.lower()]
    assert target.read_bytes().startswith(magic)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        (Withheld.NO_FACE, "No face was found in it"),
        (Withheld.WEAK_FACE, "not surely one"),
        (Withheld.OTHER_PERSON, "Other people are in it"),
        (Withheld.NO_WEARER, "Nobody who is enrolled was surely seen in it. `livecam enroll --list` says who is"),
        (Withheld.UNCOVERED, "turned away, or behind something. Use a picture in which a face looks towards"),
        (Withheld.FAILED, r"The swap failed \(failed\)"),
    ],
)
def test_a_picture_that_is_not_cleared_is_not_written(tmp_path: Path, fate: Withheld, told: str) -> None:
    with pytest.raises(NothingCleared, match=told):
        converted(picture(tmp_path / "in.png"), tmp_path / "out.png", Storing({5: fate}))
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_what_failed_is_told_and_not_that_there_is_no_face(suffix: str, tmp_path: Path) -> None:
    class Failing(Storing):
        """Fails once, and finds nothing from then on."""

        def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
            super().process(frame, out, settings)
            if len(self.seen) == 1:
                raise ContractError("The swapper gave a picture of one colour.")
            return Withheld.NO_FACE

    source = picture(tmp_path / "in.png") if suffix == ".png" else write_clip(tmp_path / "in.mp4", every(25, 5))
    with pytest.raises(NothingCleared, match=r"was not converted.*a picture of one colour"):
        converted(source, tmp_path / f"out{suffix}", Failing())


def test_the_last_look_at_a_picture_decides(tmp_path: Path) -> None:
    class Fickle(Storing):
        """Clears all looks but the last."""

        def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
            how = super().process(frame, out, settings)
            return Withheld.NO_FACE if len(self.seen) == STILL_FRAMES else how

    with pytest.raises(NothingCleared):
        converted(picture(tmp_path / "in.png"), tmp_path / "out.png", Fickle())
    assert not (tmp_path / "out.png").exists()


def test_passing_through_has_no_place_here(tmp_path: Path) -> None:
    modes = []

    class Asking(Storing):
        def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
            modes.append(settings.mode)
            return super().process(frame, out, settings)

    converted(picture(tmp_path / "in.png"), tmp_path / "out.png", Asking(), privacy__passthrough="true")
    assert set(modes) == {Mode.SWAP}


@pytest.fixture
def doors(tmp_path: Path) -> Path:
    """A folder with all that may stand at a door."""
    picture(tmp_path / "still.png")
    write_clip(tmp_path / "clip.mp4", every(25, 3), sound="")
    (tmp_path / "text.mp4").write_text("no video at all")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "there.mp4").write_bytes(b"mine")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "alias.mp4").symlink_to("clip.mp4")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "target", "kind", "told"),
    [
        ("no.mp4", "out.mp4", SourceGone, "There is no file"),
        ("folder.mp4", "out.mp4", SourceGone, "is a folder"),
        ("pipe.mp4", "out.mp4", SourceGone, "is a device or a pipe"),
        ("empty.mp4", "out.mp4", SourceGone, "is empty"),
        ("text.mp4", "out.mp4", SourceGone, "cannot be opened as a video"),
        ("still.png", "out.mp4", SourceGone, r"is a picture, not a video\. Write it to a \.png"),
        ("clip.mp4", "out.png", PhotoRefused, r"is a video or an animation, not a picture\. Write it to a \.mp4"),
        ("text.mp4", "out.png", PhotoRefused, "no JPEG, PNG, WebP, AVIF, HEIC or BMP"),
        ("clip.mp4", "out", ConfigError, "no suffix"),
        ("clip.mp4", "out.mp5", ConfigError, r"\.mp5 files cannot be written\. Did you mean '\.mp4'"),
        ("clip.mp4", "clip.mp4", ConfigError, "OUT is IN"),
        ("clip.mp4", "alias.mp4", ConfigError, "OUT is IN"),
        ("clip.mp4", "there.mp4", ConfigError, "exists. Choose another name, or replace it with --replace"),
        ("clip.mp4", "folder.mp4", SinkGone, "is a folder"),
        ("clip.mp4", "pipe.mp4", SinkGone, "is a device or a pipe"),
        ("clip.mp4", "no/out.mp4", SinkGone, "There is no folder"),
        ("clip.mp4", "still.png/out.mp4", SinkGone, "There is no folder"),
    ],
)
def test_bad_input_is_refused_at_the_door(
    doors: Path, source: str, target: str, kind: type[LivecamError], told: str
) -> None:
    before = sorted(doors.rglob("*"))
    with pytest.raises(kind, match=told):
        converted(doors / source, doors / target)
    assert sorted(doors.rglob("*")) == before
    assert (doors / "there.mp4").read_bytes() == b"mine"


def test_an_existing_file_is_replaced_when_asked(doors: Path) -> None:
    converted(doors / "clip.mp4", doors / "there.mp4", options=Options(replace=True))
    assert numbers(doors / "there.mp4") == [0, 1, 2]


def test_a_file_that_is_to_be_replaced_outlives_a_failure(doors: Path) -> None:
    nobody = Storing(dict.fromkeys(range(3), Withheld.NO_FACE))
    with pytest.raises(NothingCleared):
        converted(doors / "clip.mp4", doors / "there.mp4", nobody, Options(replace=True))
    assert (doors / "there.mp4").read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(doors: Path) -> None:
    closed = doors / "closed"
    closed.mkdir(0o500)
    with pytest.raises(SinkGone, match="may not be written to"):
        converted(doors / "clip.mp4", closed / "out.mp4")


@pytest.mark.parametrize("crf", [0, 52])
def test_quality_has_limits(doors: Path, crf: int) -> None:
    with pytest.raises(ConfigError, match=r"1\.\.51"):
        converted(doors / "clip.mp4", doors / "out.mp4", options=Options(crf=crf))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Path:
    """Keeps the built-in persona's prepared identity between the tests."""
    return tmp_path_factory.mktemp("cache")


def swapped(cache: Path, source: Path, target: Path, **values: str) -> Conversion:
    """Convert with the real swap."""
    flags = {name.replace("__", "."): value for name, value in values.items()}
    # The label is looked at by itself; here it would be a change outside the face.
    flags = {"models.cache": str(weights.cache_folder()), "label.shown": "false", **flags}
    config = load(flags, Path(os.devnull), {}).config
    return convert(config, source, target, paths=Paths(cache, cache / "data", cache))


def scene(faces: int) -> SyntheticSource:
    source = SyntheticSource(SCENE, 25, MonotonicClock(), SyntheticOptions(faces=faces, noise=False, pace=False))
    source.open()
    return source


def face_and_rest(shot: SyntheticSource, number: int) -> tuple[Image, Image]:
    """Masks of the first face's inner part, and of what is far from it; (H, W) bool."""
    points = shot.truth(number)[0].landmarks
    hull = cv2.convexHull(points.astype(np.int32))
    inside = cv2.fillConvexPoly(np.zeros(SCENE.image_shape[:2], np.uint8), hull, 1)
    inner = cv2.erode(inside, np.ones((15, 15), np.uint8))
    outer = cv2.dilate(inside, np.ones((81, 81), np.uint8))
    return inner.astype(np.bool_), outer == 0


def test_a_real_picture_is_swapped_in_the_face_and_nowhere_else(tmp_path: Path, cache: Path) -> None:
    shot, image = scene(1), np.zeros(SCENE.image_shape, np.uint8)
    shot.draw(12, image)
    cv2.imwrite(str(tmp_path / "in.png"), image)
    done = swapped(cache, tmp_path / "in.png", tmp_path / "out.png", label__shown="false")
    assert (done.persona, done.swapped) == ("nobody", 1)
    now = cv2.imread(str(tmp_path / "out.png"))
    assert now is not None
    change = np.abs(now.astype(int) - image).mean(axis=2)
    face, rest = face_and_rest(shot, 12)
    assert change[face].mean() > 7
    assert change[rest].mean() < 1.5


def test_every_frame_of_a_real_video_is_swapped(tmp_path: Path, cache: Path) -> None:
    shot = scene(1)

    def draw(number: int, image: Image) -> None:
        shot.draw(number, image)
        stamp(image, number, 0)

    source = write_clip(tmp_path / "in.mp4", every(25, 24), draw, SCENE)
    done = swapped(cache, source, tmp_path / "out.mp4", label__shown="false")
    assert (done.frames, done.swapped) == (24, 24)
    assert numbers(tmp_path / "out.mp4") == list(range(24))
    for number, (was, now) in enumerate(zip(images(source), images(tmp_path / "out.mp4"), strict=True)):
        change = np.abs(now.astype(int) - was).mean(axis=2)
        face, rest = face_and_rest(shot, number)
        assert change[face].mean() > 7, number
        assert change[rest].mean() < 3, number


def test_two_people_are_withheld_when_asked(tmp_path: Path, cache: Path) -> None:
    shot, image = scene(2), np.zeros(SCENE.image_shape, np.uint8)
    shot.draw(3, image)
    cv2.imwrite(str(tmp_path / "in.png"), image)
    with pytest.raises(NothingCleared, match="Other people are in it"):
        swapped(cache, tmp_path / "in.png", tmp_path / "out.png", face__others="withhold")
    assert not (tmp_path / "out.png").exists()


def test_an_empty_room_is_not_written(tmp_path: Path, cache: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, 4), scene(0).draw, SCENE)
    with pytest.raises(NothingCleared, match=r"slated no-face \(4\)"):
        swapped(cache, source, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_unknown_persona_is_named(tmp_path: Path, cache: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, 2))
    with pytest.raises(PersonaError, match="Did you mean 'nobody'"):
        swapped(cache, source, tmp_path / "out.mp4", face__persona="nobdy")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.shared
def test_a_real_face_is_swapped_throughout(tmp_path: Path, cache: Path, shared_data: Path) -> None:
    with av.open(shared_data / "clips" / "d12.mp4") as clip:
        shown = [frame.to_ndarray(format="bgr24") for frame in islice(clip.decode(video=0), 100, 118)]

    def draw(number: int, image: Image) -> None:
        image[:] = shown[number]

    source = write_clip(tmp_path / "in.mp4", every(25, 18), draw, Size(512, 512))
    done = swapped(cache, source, tmp_path / "out.mp4")
    assert (done.swapped, done.frames, done.audio) == (18, 18, "copied")
