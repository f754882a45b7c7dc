"""Converting videos: every frame once, in order, at its time; the sound as it was; and the gate's rule for the rest."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from livecam.app.convert import Options
from livecam.app.convert_clearing import MOST_FAILURES
from livecam.app.convert_summary import NothingCleared
from livecam.app.provenance.manifest import read as read_manifest
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_S, Frame, Image, Picture, Size
from livecam.core.settings import Settings
from livecam.errors import ContractError, EngineError
from tests.app.converting import (
    RATE,
    TICKS,
    Storing,
    converted,
    every,
    images,
    numbers,
    plain,
    sound,
    times,
    write_clip,
)
from tests.capture.clips import turn_clip

PIECES = Options(segment_s=0.3)
STRANGERS = "Nobody who is enrolled was surely seen in it. `livecam enroll --list`"
UNEVEN = [0, 3000, 6001, 21_000, 21_700, 33_333, 33_334, 45_000, 60_007, 75_000, 75_900, 90_001]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_every_frame_once_in_order_at_its_time_with_the_sound_as_it_was(tmp_path: Path, suffix: str) -> None:
    source = write_clip(tmp_path / "in.mp4", UNEVEN)
    target = tmp_path / f"out{suffix}"
    processor = Storing()
    done = converted(source, target, processor, PIECES)
    assert processor.seen == numbers(target) == list(range(12))
    finest = Fraction(1, 1000) if suffix == ".mkv" else Fraction(0)
    # Matroska has no time below 0, so that picture and sound move together by the sound's lead-in.
    moved = Fraction(1024, RATE) if suffix == ".mkv" else Fraction(0)
    for was, now in zip(times(source), times(target), strict=True):
        assert abs(was + moved - now) <= finest
    assert [data for _, data in sound(target)] == [data for _, data in sound(source)]
    for (was, _), (now, _) in zip(sound(source), sound(target), strict=True):
        assert abs(was + moved - now) <= finest
    assert (done.frames, done.swapped, done.audio, done.notes) == (12, 12, "copied", ())
    assert not (tmp_path / f"out{suffix}.part").exists()


def test_a_video_that_begins_late_stays_in_step_with_its_sound(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", [pts + 12_345 for pts in every(25, 9)])
    processor = Storing()
    converted(source, tmp_path / "out.mp4", processor, PIECES)
    assert times(tmp_path / "out.mp4") == times(source)
    assert times(source)[0] == Fraction(12_345, TICKS)
    assert processor.times_ns == [NS_PER_S + number * NS_PER_S // 25 for number in range(9)]


def test_the_last_frame_stays_as_long_as_it_did(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(10, 8), sound="")
    done = converted(source, tmp_path / "out.mp4", options=PIECES)
    with av.open(source) as was, av.open(tmp_path / "out.mp4") as now:
        assert now.streams.video[0].duration == was.streams.video[0].duration
        assert len(now.streams) == 1
    assert done.audio == ""
    assert done.media_s == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize(
    ("kind", "codec", "target"),
    # Refused at once, at the header, and at the very end of the file.
    [(".mov", "pcm_mulaw", ".mp4"), (".mkv", "flac", ".mov"), (".avi", "pcm_s16le", ".mp4")],
)
def test_sound_that_does_not_fit_becomes_aac(tmp_path: Path, kind: str, codec: str, target: str) -> None:
    source = write_clip(tmp_path / f"in{kind}", every(25, 12), sound=codec)
    done = converted(source, tmp_path / f"out{target}")
    assert done.audio == f"{codec} made AAC, since {target} files cannot hold it"
    with av.open(tmp_path / f"out{target}") as container:
        heard = [frame.to_ndarray() for frame in container.decode(audio=0)]
    wave = np.concatenate(heard, axis=1)[0]
    assert len(wave) == pytest.approx(0.64 * 8000, rel=0.35)
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.argmax(spectrum) * 8000 / len(wave) == pytest.approx(440, abs=5)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_what_lies_on_its_side_is_set_upright(tmp_path: Path, turns: int) -> None:
    def draw(number: int, image: Image) -> None:
        image[:] = 60
        image[:40, :40] = 230

    source = write_clip(tmp_path / "in.mp4", every(25, 3), draw, sound="", aspect=Fraction(4, 3))
    turn_clip(source, turns)
    converted(source, tmp_path / "out.mp4")
    with av.open(tmp_path / "out.mp4") as container:
        frame = next(container.decode(video=0))
        assert frame.rotation == 0
        assert container.streams.video[0].sample_aspect_ratio == (Fraction(4, 3) if turns == 2 else Fraction(3, 4))
        shown = frame.to_ndarray(format="bgr24")
    height, width = (180, 320) if turns == 2 else (320, 180)
    assert shown.shape == (height, width, 3)
    corners = {1: np.s_[:30, -30:], 2: np.s_[-30:, -30:], 3: np.s_[-30:, :30]}
    assert shown[corners[turns]].mean() > 200


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path) -> None:
    with av.open(tmp_path / "in.mkv", "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 321, 181, "bgr0"
        image = np.zeros((181, 321, 3), np.uint8)
        plain(7, image)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="bgr0")))
        output.mux(stream.encode())
    done = converted(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert (done.size, numbers(tmp_path / "out.mp4")) == ("320x180", [7])


@pytest.mark.parametrize("tags", [(1, 1, 1), (6, 6, 6), (2, 2, 2)], ids=["bt709", "bt601", "untagged"])
def test_colours_and_their_tags_stay(tmp_path: Path, tags: tuple[int, int, int]) -> None:
    def draw(number: int, image: Image) -> None:
        image[:90, :160], image[:90, 160:] = (40, 50, 200), (60, 190, 70)
        image[90:, :160], image[90:, 160:] = (210, 80, 40), (128, 128, 128)

    source = write_clip(tmp_path / "in.mp4", every(25, 2), draw, sound="", tags=tags)
    converted(source, tmp_path / "out.mp4")
    with av.open(source) as one, av.open(tmp_path / "out.mp4") as other:
        context = other.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == tags
        assert context.color_range == (0 if tags == (2, 2, 2) else 1)
        was, now = (next(container.decode(video=0)).to_ndarray() for container in (one, other))
    # Of the planes themselves, so that no reader's guess about the matrix comes between.
    assert np.abs(was.astype(int) - now.astype(int)).mean() < 1.5


def test_what_is_not_cleared_is_bridged_then_covered(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(10, 12))
    fates = dict.fromkeys(range(4, 9), Withheld.NO_FACE)
    done = converted(source, tmp_path / "out.mp4", Storing(fates), PIECES, privacy__hold_ms="250")
    assert numbers(tmp_path / "out.mp4") == [0, 1, 2, 3, 3, 3, None, None, None, 9, 10, 11]
    assert (done.swapped, dict(done.held), dict(done.slated)) == (7, {"no-face": 2}, {"no-face": 3})


def test_without_a_hold_the_slate_comes_at_once(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(10, 4))
    fates = {0: Withheld.WEAK_FACE, 2: Withheld.OTHER_PERSON}
    done = converted(source, tmp_path / "out.mp4", Storing(fates), privacy__hold_ms="0")
    assert numbers(tmp_path / "out.mp4") == [None, 1, None, 3]
    assert dict(done.slated) == {"other-person": 1, "weak-face": 1}


def test_a_frame_that_fails_is_never_shown(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(10, 6))
    processor = Storing({2: EngineError("gone"), 4: ContractError("nonsense")})
    done = converted(source, tmp_path / "out.mp4", processor, privacy__hold_ms="0")
    assert numbers(tmp_path / "out.mp4") == [0, 1, None, 3, None, 5]
    # The backend may have stalled, so it is asked twice; nonsense would be nonsense again.
    assert processor.seen == [0, 1, 2, 2, 3, 4, 5]
    assert (dict(done.slated), processor.resets) == ({"failed": 2}, 3)


def test_a_stall_leaves_no_gap(tmp_path: Path) -> None:
    class Stalling(Storing):
        """Fails at its third frame, once."""

        def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
            outcome = super().process(frame, out, settings)
            if len(self.seen) == 3:
                raise EngineError("The watch has not answered.")
            return outcome

    source = write_clip(tmp_path / "in.mp4", every(10, 5))
    done = converted(source, tmp_path / "out.mp4", Stalling())
    assert numbers(tmp_path / "out.mp4") == list(range(5))
    assert done.swapped == 5


def test_a_broken_backend_ends_the_conversion(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, MOST_FAILURES + 8))
    broken = Storing({number: EngineError("The GPU is gone.") for number in range(3, 99)})
    with pytest.raises(EngineError, match="GPU"):
        converted(source, tmp_path / "out.mp4", broken, PIECES)
    assert not (tmp_path / "out.mp4").exists()


def test_failures_that_come_and_go_do_not(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, 2 * MOST_FAILURES + 4), sound="")
    shaky = Storing({number: EngineError("busy") for number in range(0, 99, 2)})
    done = converted(source, tmp_path / "out.mp4", shaky, PIECES)
    assert (done.frames, done.swapped) == (2 * MOST_FAILURES + 4, MOST_FAILURES + 2)


def test_nothing_is_written_when_nothing_was_cleared(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, 5))
    with pytest.raises(NothingCleared, match=r"slated no-face \(5\)"):
        converted(source, tmp_path / "out.mp4", Storing(dict.fromkeys(range(5), Withheld.NO_FACE)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]


@pytest.mark.parametrize(
    ("fates", "told"),
    [
        ([Withheld.NO_FACE] * 5, "No face was found in it. Use a video in which a face looks towards the camera."),
        ([Withheld.NO_WEARER] * 5, f"{STRANGERS} says who is; `livecam enroll --forget NAME` ends that."),
        ([Withheld.NO_FACE] * 3 + [Withheld.NO_WEARER] * 2, STRANGERS),
        ([Withheld.WEAK_FACE] + [Withheld.NO_WEARER] * 4, STRANGERS),
        ([Withheld.OTHER_PERSON] * 5, "Other people are in it, and --others is withhold. Say --others blur"),
        ([Withheld.UNCOVERED] * 5, "turned away, or behind something. Use a video in which a face looks towards"),
        ([Withheld.NO_PERSONA] * 5, "The swap failed (no-persona). `livecam doctor` may know more."),
    ],
)
def test_what_to_do_about_a_video_without_a_swapped_frame_goes_with_the_reason(
    tmp_path: Path, fates: list[Withheld], told: str
) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, 5), sound="")
    with pytest.raises(NothingCleared) as refused:
        converted(source, tmp_path / "out.mp4", Storing(dict(enumerate(fates))))
    assert "not one of its frames could be swapped: slated" in str(refused.value)
    assert told in str(refused.value)


def test_a_file_that_is_cut_off_is_converted_as_far_as_it_goes(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", every(25, 20), sound="")
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    done = converted(source, tmp_path / "out.mp4")
    shown = numbers(tmp_path / "out.mp4")
    assert 5 < len(shown) < 20
    assert shown == list(range(len(shown)))
    assert any(f"should hold 20 frames, but only {len(shown)} can be read" in note for note in done.notes)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", every(25, 4), sound="")
    with av.open(source) as clip, av.open(tmp_path / "in.mkv", "w") as output:
        streams = [output.add_stream_from_template(clip.streams.video[0]) for _ in range(2)]
        for packet in list(clip.demux(video=0)):
            if packet.size:
                copies = [av.Packet(bytes(packet)) for _ in streams]
                for copy, stream in zip(copies, streams, strict=True):
                    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                    copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                    output.mux(copy)
    done = converted(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert done.notes == ("Only the first video track was converted; 1 other track left out.",)


@pytest.mark.parametrize("size", [Size(2, 2), Size(34, 18)], ids=str)
def test_the_smallest_videos_pass(tmp_path: Path, size: Size) -> None:
    with av.open(tmp_path / "in.mkv", "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.full(size.image_shape, 200, np.uint8), format="bgr24")))
        output.mux(stream.encode())
    converted(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert images(tmp_path / "out.mp4")[0].mean() == pytest.approx(200, abs=5)


def test_out_is_signed_where_its_container_can_carry_that_and_says_so_where_not(tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")
    source = write_clip(tmp_path / "in.mp4", every(25, 6))
    for suffix in (".mp4", ".mov"):
        target = tmp_path / f"out{suffix}"
        assert converted(source, target).provenance == "signed"
        found = read_manifest(target)
        assert found is not None
        assert (found.valid, found.modified, numbers(target)) == (True, True, list(range(6)))
    assert "out.mkv cannot carry a manifest" in converted(source, tmp_path / "out.mkv").provenance
    off = converted(source, tmp_path / "off.mp4", provenance__sign="no")
    assert off.provenance == "not signed: provenance.sign is off"
    assert read_manifest(tmp_path / "off.mp4") is None
