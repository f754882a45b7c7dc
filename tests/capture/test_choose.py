"""The choice of a camera's mode, over the lists of real devices (shortened to what matters)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.capture.choose import COMPRESSED, RAW, choose_format
from livecam.capture.devices import CameraFormat
from livecam.core.frame import Size
from livecam.core.spec import SourceWish


def offers(fourcc: str, *modes: str) -> tuple[CameraFormat, ...]:
    """Modes written as ``1280x720@30/15``."""
    found = []
    for mode in modes:
        size, _, rates = mode.partition("@")
        width, _, height = size.partition("x")
        found.append(CameraFormat(fourcc, Size(int(width), int(height)), tuple(map(float, rates.split("/")))))
    return tuple(found)


C920 = (
    offers("YUYV", "640x480@30/15", "320x240@30", "864x480@24/15", "960x720@15/10", "1280x720@10/5", "1920x1080@5")
    + offers("MJPG", "640x480@30/15", "320x240@30", "960x720@30/15", "1280x720@30/24", "1920x1080@30/24")
    + offers("H264", "1280x720@30", "1920x1080@30")
)
BUILT_IN = offers("YUYV", "640x480@30", "352x288@30", "1280x720@10")
CAM_LINK = offers("YUYV", "1920x1080@60/50/30") + offers("NV12", "1920x1080@60/50/30", "3840x2160@30/25")
USB2_CARD = offers("MJPG", "1920x1080@30", "1280x720@60/30", "640x480@60") + offers("YUYV", "1920x1080@5", "640x480@30")
LOOPBACK = (CameraFormat("YU12", Size(1280, 720), (30.0,)),)
SENSOR = tuple(CameraFormat(fourcc, Size(2592, 1944), (), least=Size(32, 32)) for fourcc in ("YUYV", "MJPG"))
INFRARED = offers("GREY", "640x360@15")
HIGH_SPEED = offers("MJPG", "320x240@187", "640x480@75", "1280x720@30")
FOUR_K = offers("MJPG", "3840x2160@30", "640x480@30")


@pytest.mark.parametrize(
    ("formats", "wish", "chosen", "why"),
    [
        (C920, "1280x720@30", "MJPG 1280x720@30", "do not fit through USB 2"),
        (C920, "1920x1080@30", "MJPG 1920x1080@30", "the size that was asked for"),
        (C920, "640x480@30", "YUYV 640x480@30", "raw, which needs no decoding"),
        (C920, "1280x720@60", "MJPG 1280x720@30", "its fastest, though 60 fps were asked for"),
        (C920, "800x600@30", "MJPG 960x720@30", "the nearest larger size, scaled to 800x600"),
        (BUILT_IN, "1280x720@30", "YUYV 640x480@30", "letterboxed to 1280x720, since 1280x720 comes at 10 fps only"),
        (BUILT_IN, "640x480@30", "YUYV 640x480@30", "the only format that can be read"),
        (CAM_LINK, "1920x1080@60", "NV12 1920x1080@60", "the smallest of its raw formats"),
        (CAM_LINK, "1280x720@30", "NV12 1920x1080@30", "the nearest larger size, scaled to 1280x720"),
        (USB2_CARD, "1920x1080@30", "MJPG 1920x1080@30", "do not fit through USB 2"),
        (USB2_CARD, "640x480@60", "MJPG 640x480@60", "the only format at that size and rate"),
        (LOOPBACK, "640x480@30", "YU12 1280x720@30", "the nearest larger size, letterboxed"),
        (SENSOR, "1280x720@30", "MJPG 1280x720@30", "the size that was asked for"),
        (INFRARED, "1280x720@30", "GREY 640x360@15", "scaled to 1280x720, its fastest"),
        (HIGH_SPEED, "1280x720@60", "MJPG 1280x720@30", "its fastest"),
        (HIGH_SPEED, "640x480@60", "MJPG 640x480@75", "the size that was asked for"),
        (FOUR_K, "1280x720@30", "MJPG 640x480@30", "the nearest smaller size"),
        ((), "1280x720@30", "MJPG 1280x720@30", "the system does not tell"),
        (offers("H264", "1280x720@30"), "1280x720@30", "MJPG 1280x720@30", "none of its formats is known"),
    ],
)
def test_the_choice_and_its_reason(formats: tuple[CameraFormat, ...], wish: str, chosen: str, why: str) -> None:
    size, _, fps = wish.partition("@")
    choice = choose_format(formats, SourceWish(Size.parse(size), float(fps)))
    assert f"{choice.fourcc} {choice.size}@{choice.fps:g}" == chosen
    assert why in choice.why
    assert choice.why in str(choice)


def test_a_format_that_the_user_names_is_taken_where_there_is_one() -> None:
    wish = SourceWish(Size(1280, 720), 30.0)
    chosen = choose_format(C920, wish, "YUYV")
    assert (chosen.fourcc, chosen.size) == ("YUYV", Size(640, 480))
    assert "the format that was asked for" in chosen.why
    assert "it offers no MJPG" in choose_format(BUILT_IN, wish, "MJPG").why
    assert choose_format((), wish, "YUYV").fourcc == "YUYV"


_MODES = st.builds(
    CameraFormat,
    st.sampled_from((*COMPRESSED, *RAW, "H264")),
    st.builds(Size, st.integers(2, 4000), st.integers(2, 4000)),
    st.lists(st.floats(1, 240), max_size=3).map(tuple),
)


@settings(deadline=None)
@given(st.lists(_MODES, max_size=12), st.sampled_from([Size(640, 480), Size(1280, 720), Size(1920, 1080)]))
def test_any_list_gives_a_mode_of_that_list_whatever_its_order(formats: list[CameraFormat], size: Size) -> None:
    wish = SourceWish(size, 30.0)
    choice = choose_format(formats, wish)
    offered = {(form.fourcc, form.size) for form in formats if form.fourcc != "H264"} or {("MJPG", size)}
    assert (choice.fourcc, choice.size) in offered
    turned = choose_format(formats[::-1], wish)
    assert (choice.fourcc, choice.size, choice.fps) == (turned.fourcc, turned.size, turned.fps) or (
        choice.fourcc == turned.fourcc and choice.size[::-1] == turned.size
    )
