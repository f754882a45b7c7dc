"""The invisible mark laid on the card: the same as the processor's, found by the same reader, and only when asked."""

import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.marking import CardMark, Marking
from livecam.core.frame import NS_PER_S, Frame, Picture, Size
from livecam.errors import DeviceError
from livecam.privacy.laid import Laid
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_reader import MarkReader
from livecam.privacy.watermark import Watermark, patterns_of
from tests.canvas.host_device import HostDevice, host_library
from tests.canvas.scenes import scene

KEY, SESSION = b"ours", 0xC0FFEE
SIZE = Size(640, 360)


def card_mark() -> CardMark:
    return CardMark(patterns_of(KEY, SESSION), Laid())


def stored(canvas: CudaCanvas, frame: Frame, *, marks: bool = True) -> Picture:
    height, width = frame.image.shape[:2]
    out = np.zeros(Size(width, height).picture_shape, np.uint8)
    canvas.load(frame)
    if marks:
        canvas.mark()
    canvas.store(out)
    return out


def plain(frame: Frame) -> Picture:
    height, width = frame.image.shape[:2]
    canvas, out = CpuCanvas(), np.zeros(Size(width, height).picture_shape, np.uint8)
    canvas.load(frame)
    canvas.store(out)
    return out


@pytest.mark.parametrize("size", [SIZE, Size(1280, 720), Size(426, 240), Size(256, 144)], ids=str)
@pytest.mark.parametrize("second", [0, 3])
def test_it_is_the_mark_that_the_processor_lays(device: HostDevice, size: Size, second: int) -> None:
    mark = card_mark()
    canvas, frame = CudaCanvas(device, host_library(device), mark=mark), Frame(scene(*size, 7), 1, second * NS_PER_S)
    bare = stored(canvas, frame, marks=False)
    ours, theirs = stored(canvas, frame), bare.copy()
    assert mark.laid.forget(ours)
    Watermark(KEY, SESSION, size)(theirs, frame.captured_ns)
    apart = np.abs(ours.astype(int) - theirs)
    assert apart.max() <= 1
    assert (apart[: size.height] > 0).mean() < 0.02, "roundings, here and there"
    assert (ours[: size.height] != bare[: size.height]).mean() > 0.1
    np.testing.assert_array_equal(ours[size.height :], bare[size.height :])


def test_the_reader_reads_the_session(device: HostDevice) -> None:
    canvas, reader = CudaCanvas(device, host_library(device), mark=card_mark()), MarkReader(Code.of(KEY))
    for number in range(16):
        shown_ns = number * NS_PER_S // 4
        picture = stored(canvas, Frame(scene(*SIZE, number), number, shown_ns))
        reader.add(picture[: SIZE.height], shown_ns)
    found = reader.found()
    assert found.sure
    assert found.session == SESSION


def test_what_nobody_asked_to_mark_comes_down_as_it_is(device: HostDevice) -> None:
    """Such as one's own picture passed through; nor does the order outlive a frame that was never stored."""
    mark = card_mark()
    canvas, frame = CudaCanvas(device, host_library(device), mark=mark), Frame(scene(*SIZE, 7), 1, 0)
    bare = stored(canvas, frame, marks=False)
    assert not mark.laid.forget(bare)
    canvas.load(frame)
    canvas.mark()
    np.testing.assert_array_equal(stored(canvas, frame, marks=False), bare)
    assert not mark.laid.forget(bare)


def test_one_order_is_for_one_picture(device: HostDevice) -> None:
    canvas, frame = CudaCanvas(device, host_library(device), mark=card_mark()), Frame(scene(*SIZE, 7), 1, 0)
    first = stored(canvas, frame)
    assert not np.array_equal(stored(canvas, frame, marks=False), first)


def test_a_picture_smaller_than_the_mark_is_left_to_the_processor(device: HostDevice) -> None:
    mark = card_mark()
    canvas, frame = CudaCanvas(device, host_library(device), mark=mark), Frame(scene(160, 120, 7), 1, 0)
    assert not mark.laid.forget(stored(canvas, frame))


def test_without_a_mark_of_the_run_nothing_is_laid(device: HostDevice) -> None:
    canvas, frame = CudaCanvas(device, host_library(device)), Frame(scene(*SIZE, 7), 1, 0)
    np.testing.assert_array_equal(stored(canvas, frame), stored(canvas, frame, marks=False))


def test_a_card_that_fails_says_nothing_of_a_mark(device: HostDevice) -> None:
    mark = card_mark()
    canvas, frame = CudaCanvas(device, host_library(device), mark=mark), Frame(scene(*SIZE, 7), 1, 0)
    out = stored(canvas, frame)
    mark.laid.forget(out)
    canvas.load(frame)
    canvas.mark()
    device.fail()
    with pytest.raises(DeviceError):
        canvas.store(out)
    assert not mark.laid.forget(out)


def test_all_of_its_memory_is_given_back(device: HostDevice) -> None:
    before = device.held()
    canvas = CudaCanvas(device, host_library(device), mark=card_mark())
    stored(canvas, Frame(scene(*SIZE, 7), 1, 0))
    canvas.close()
    assert device.held() == {key: value for key, value in before.items() if value} or device.held() == before


@pytest.mark.parametrize("after", range(4))
def test_a_card_that_fails_while_it_goes_up_keeps_nothing(device: HostDevice, after: int) -> None:
    stream, mark = device.stream(), card_mark()
    held = device.held()
    device.fail(after, forever=False)
    with pytest.raises(DeviceError):
        Marking(device, mark, stream)
    device.mend()
    assert device.held() == held
