"""The canvas on a card, beside what it gives: memory, waiting, and a card that fails. See test_agreement.py."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.canvas.cuda import CudaCanvas
from livecam.core.device import DeviceImage
from livecam.core.face import Box
from livecam.core.frame import Frame, Picture, Size
from livecam.core.seams import Canvas
from livecam.errors import DeviceError
from tests.canvas.host_device import HostDevice, host_library
from tests.canvas.scenes import apart, noise, scene, soft_mask, turned

SIZE = Size(96, 64)
CROP = Size(32, 32)
MATRIX = turned(0.8, 0.4, (48, 32), 32)
BOX = Box(5, 6, 40, 50)


def picture(size: Size = SIZE) -> Picture:
    return np.full(size.picture_shape, 77, np.uint8)


def card_image(device: HostDevice, array: npt.NDArray[np.uint8]) -> DeviceImage:
    image = DeviceImage(device.allocate(array.nbytes), Size(array.shape[1], array.shape[0]), array[0, 0].size)
    device.bytes_at(image.address, array.nbytes)[:] = array.reshape(-1)
    return image


class Work:
    """A frame's worth of everything, on a card and in main memory."""

    def __init__(self, device: HostDevice) -> None:
        self._patch, self._mask = scene(32, 32, 5), soft_mask(32)
        self._crop, self._over = card_image(device, self._patch), card_image(device, self._patch)
        self._where = card_image(device, self._mask)

    def on_card(self, canvas: CudaCanvas, frame: Frame, out: Picture) -> None:
        canvas.load(frame)
        canvas.crop(MATRIX, CROP, self._crop)
        canvas.paint(self._crop, self._where, turned(0.8, 0.4, (20, 20), 32))
        canvas.patch(self._over, self._where, -7, 40)
        canvas.blur(BOX)
        canvas.store(out)

    def in_memory(self, frame: Frame, out: Picture) -> None:
        canvas = CpuCanvas()
        canvas.load(Frame(frame.image.copy(), 1, 0))
        crop = canvas.crop(MATRIX, CROP, np.empty(CROP.image_shape, np.uint8))
        canvas.paint(crop, self._mask, turned(0.8, 0.4, (20, 20), 32))
        canvas.patch(self._patch, self._mask, -7, 40)
        canvas.blur(BOX)
        canvas.store(out)


def frames(count: int, size: Size = SIZE) -> list[Frame]:
    return [Frame(scene(*size, seed), seed, 0) for seed in range(count)]


def test_a_frame_goes_up_once_and_a_picture_comes_down_once(device: HostDevice) -> None:
    """From the third frame on nothing is allocated or pinned, and the frame is read from its own slot."""
    canvas, work = CudaCanvas(device, host_library(device)), Work(device)
    slots, outs = frames(3), [picture() for _ in range(3)]
    for place in range(3):
        work.on_card(canvas, slots[place], outs[place])
    address, before = canvas.pixels.address, Counter(device.calls)
    device.moved.clear()
    for seq in range(9):
        slots[seq % 3].image[:] = scene(*SIZE, 50 + seq)
        work.on_card(canvas, slots[seq % 3], outs[seq % 3])
        wanted = picture()
        work.in_memory(slots[seq % 3], wanted)
        assert apart(outs[seq % 3], wanted) <= 4
    done = device.calls - before
    assert set(done) == {"upload", "download", "launch", "wait"}
    assert (done["wait"], done["download"]) == (9, 9)
    assert device.moved == {"up": 9 * (SIZE.width * SIZE.height * 3 + 5 * 256), "down": 9 * outs[0].nbytes}
    assert canvas.pixels == DeviceImage(address, SIZE)
    assert canvas.frame_image.data == address


def test_the_host_image_is_never_painted(device: HostDevice) -> None:
    canvas, frame = CudaCanvas(device, host_library(device)), frames(1)[0]
    seam: Canvas[DeviceImage] = canvas
    before = frame.image.copy()
    Work(device).on_card(canvas, frame, picture())
    assert seam.pixels.size == SIZE
    np.testing.assert_array_equal(frame.image, before)
    assert canvas.frame is frame


def test_another_size_takes_other_memory_and_gives_the_old_back(device: HostDevice) -> None:
    canvas, work = CudaCanvas(device, host_library(device)), Work(device)
    held = device.held()
    for size in (SIZE, Size(64, 96), Size(160, 120), SIZE):
        frame, out, wanted = frames(1, size)[0], picture(size), picture(size)
        work.on_card(canvas, frame, out)
        work.in_memory(frame, wanted)
        assert apart(out, wanted) <= 4
        assert device.held()["memory"] == held["memory"] + 2
    canvas.close()
    canvas.close()
    assert device.held() == {"memory": 3}, "the work's own"


def test_a_frame_that_is_withheld_leaves_nothing_behind(device: HostDevice) -> None:
    """It is never stored: the next one must not use what the card still reads."""
    canvas, work = CudaCanvas(device, host_library(device)), Work(device)
    withheld, shown = frames(2)
    canvas.load(withheld)
    canvas.blur(BOX)
    canvas.load(withheld)
    assert device.pending() == 1, "what was begun before is done"
    out, wanted = picture(), picture()
    work.on_card(canvas, shown, out)
    work.in_memory(shown, wanted)
    assert apart(out, wanted) <= 4
    assert device.pending() == 0


def test_two_canvases_take_turns_on_the_same_slots(device: HostDevice) -> None:
    """While one is about to replace the other; the second finds the slots pinned already."""
    frame, out, wanted, work = frames(1)[0], picture(), picture(), Work(device)
    work.in_memory(frame, wanted)
    first, second = (CudaCanvas(device, host_library(device)) for _ in range(2))
    for canvas in (first, second, first, second):
        out[:] = 77
        work.on_card(canvas, frame, out)
        assert apart(out, wanted) <= 4
    first.close()
    work.on_card(second, frame, out)
    second.close()
    assert device.held() == {"memory": 3}


def test_any_number_of_operations_fits(device: HostDevice) -> None:
    canvas, cpu = CudaCanvas(device, host_library(device)), CpuCanvas()
    image, alpha = noise((4, 4, 3), 1), noise((4, 4), 2)
    over, share = card_image(device, image), card_image(device, alpha)
    frame, out, wanted = frames(1)[0], picture(), picture()
    canvas.load(frame)
    cpu.load(Frame(frame.image.copy(), 1, 0))
    for place in range(200):
        canvas.patch(over, share, place % 90, place % 60)
        cpu.patch(image, alpha, place % 90, place % 60)
    canvas.store(out)
    cpu.store(wanted)
    assert apart(out, wanted) <= 3


def test_a_stream_of_the_callers_is_used_and_left(device: HostDevice) -> None:
    stream, frame, out, wanted = device.stream(), frames(1)[0], picture(), picture()
    canvas, work = CudaCanvas(device, host_library(device), stream), Work(device)
    work.on_card(canvas, frame, out)
    work.in_memory(frame, wanted)
    assert apart(out, wanted) <= 4
    canvas.close()
    assert device.held() == {"memory": 3, "stream": 1}


def test_beside_the_frame_nothing_is_launched(device: HostDevice) -> None:
    canvas = CudaCanvas(device, host_library(device))
    canvas.load(frames(1)[0])
    canvas.blur(Box(500, 500, 600, 600))
    assert device.calls["launch"] == 0


def wrong_crop(canvas: CudaCanvas, image: DeviceImage) -> None:
    canvas.crop(MATRIX, Size(31, 32), image)


def singular(canvas: CudaCanvas, image: DeviceImage) -> None:
    canvas.crop(np.zeros((2, 3)), CROP, image)


def wrong_mask(canvas: CudaCanvas, image: DeviceImage) -> None:
    canvas.paint(image, image, MATRIX)


def wrong_alpha(canvas: CudaCanvas, image: DeviceImage) -> None:
    canvas.patch(image, DeviceImage(image.address, Size(16, 32), 1), 0, 0)


def wrong_picture(canvas: CudaCanvas, _image: DeviceImage) -> None:
    canvas.store(picture(Size(64, 64)))


def odd_picture(canvas: CudaCanvas, _image: DeviceImage) -> None:
    canvas.load(Frame(noise((33, 31, 3)), 1, 0))
    canvas.store(np.zeros((49, 31), np.uint8))


def in_pieces(canvas: CudaCanvas, _image: DeviceImage) -> None:
    canvas.load(Frame(noise((64, 96, 3))[:, ::2], 1, 0))


@pytest.mark.parametrize(
    "wrong", [wrong_crop, singular, wrong_mask, wrong_alpha, wrong_picture, odd_picture, in_pieces]
)
def test_what_does_not_fit_is_refused(device: HostDevice, wrong: Callable[[CudaCanvas, DeviceImage], None]) -> None:
    canvas = CudaCanvas(device, host_library(device))
    canvas.load(frames(1)[0])
    with pytest.raises(ValueError, match=r"fit|singular|piece|even"):
        wrong(canvas, card_image(device, noise(CROP.image_shape)))


def test_without_a_frame_there_is_nothing_to_work_on(device: HostDevice) -> None:
    canvas = CudaCanvas(device, host_library(device))
    assert canvas.frame is None
    with pytest.raises(DeviceError, match="no frame"):
        _ = canvas.pixels
    with pytest.raises(DeviceError, match="no frame"):
        canvas.crop(MATRIX, CROP, card_image(device, noise(CROP.image_shape)))


def test_wherever_the_card_fails_it_is_told_and_nothing_is_kept(device: HostDevice) -> None:
    """Every call of a frame's life fails once: start, load, work, store. What was there is freed all the same."""
    library, work, frame = host_library(device), Work(device), frames(1)[0]
    before, failures = device.held(), 0
    for call in range(200):
        device.fail(after=call, forever=False)
        canvas = None
        try:
            canvas = CudaCanvas(device, library)
            work.on_card(canvas, frame, picture())
        except DeviceError:
            failures += 1
        device.mend()
        if canvas is not None:
            canvas.close()
        assert device.held() == before, f"after call {call}"
        if call > failures + 3:
            break
    assert failures >= 20


def test_a_broken_card_is_told_again_and_closing_it_is_quiet(device: HostDevice) -> None:
    canvas, work, frame = CudaCanvas(device, host_library(device)), Work(device), frames(1)[0]
    work.on_card(canvas, frame, picture())
    device.fail()
    for _ in range(3):
        with pytest.raises(DeviceError):
            work.on_card(canvas, frame, picture())
    canvas.close()
    canvas.close()
