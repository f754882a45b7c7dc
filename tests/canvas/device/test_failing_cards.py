"""Nothing is allocated while frames flow, and no frame of a card that fails is published."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from livecam.canvas.device.swapper import DeviceSwapper
from livecam.core.frame import Frame
from livecam.core.settings import Settings
from livecam.errors import DeviceError
from tests.canvas.device.chains import FACE, SIZE, STEP_NS, How, Rig, scene
from tests.canvas.host_device import HostDevice
from tests.canvas.host_kernels import HostKernels
from tests.vision.swap.conftest import persona_of, source_of

Rigs = Callable[..., Rig]


def test_in_steady_state_nothing_is_allocated_and_only_the_frame_and_a_few_kb_move(rig: Rigs) -> None:
    rigged = rig(enhancer="gfpgan_1.4", occlusion=True, regions=True, boost=2)
    card, image = rigged.card(), scene()
    picture = np.empty(SIZE.picture_shape, np.uint8)
    frame = Frame(image, 1, 1)
    persona = persona_of(source_of(1, -0.4, 0.2))

    def one() -> None:
        rigged.now_ns += STEP_NS
        rigged.canvas.load(frame)
        card(rigged.canvas, FACE, persona, Settings())
        rigged.canvas.store(picture)

    one()
    one()
    calls, moved = rigged.device.calls.copy(), rigged.device.moved.copy()
    one()
    one()
    fresh = rigged.device.calls - calls
    assert not fresh.keys() & {"allocate", "pinned", "pin", "free", "begin_capture", "stream"}
    assert fresh["replay"] == 2
    assert fresh["wait"] == 2 * 2
    up, down = (rigged.device.moved[way] - moved[way] for way in ("up", "down"))
    assert up - 2 * image.nbytes <= 2 * 1024
    assert down == 2 * picture.nbytes
    # What the graph itself moves: its arguments up, the status down.
    assert card._chain.work._used < 4096
    assert len(card._chain._told) < 512


def called(rigged: Rig, work: Callable[[], object]) -> int:
    """How many calls of the card `work` makes."""
    before = sum(rigged.device.calls.values())
    work()
    return sum(rigged.device.calls.values()) - before


@pytest.mark.parametrize("warm", [0, 1, 2], ids=["step by step", "noting", "replaying"])
def test_whatever_call_fails_the_frame_is_not_published(warm: int, kernels: HostKernels, tmp_path: Path) -> None:
    """Every call of a frame fails in turn, and all after it, as real cards do."""

    def ready() -> tuple[Rig, DeviceSwapper]:
        rigged = Rig(HostDevice(kernels), tmp_path, How())
        card = rigged.card()
        for _ in range(warm):
            rigged.on_the_card(card, scene())
        return rigged, card

    rigged, card = ready()
    calls = called(rigged, lambda: rigged.on_the_card(card, scene()))
    assert calls > 8
    for failing in range(calls):
        rigged, card = ready()
        rigged.device.fail(failing)
        with pytest.raises(DeviceError, match="the test wants it"):
            rigged.on_the_card(card, scene())
        card.close()


@pytest.mark.parametrize("warm", [1, 2], ids=["noting", "replaying"])
def test_a_card_that_fails_once_shows_the_right_picture_or_none(warm: int, rig: Rigs) -> None:
    rigged = rig()
    first = rigged.card()
    wanted = rigged.on_the_card(first, scene())
    first.close()
    second = rigged.card()
    calls = called(rigged, lambda: rigged.on_the_card(second, scene()))
    refused = 0
    for failing in range(warm % 2, calls, 2):
        card = rigged.card()
        for _ in range(warm):
            rigged.on_the_card(card, scene())
        rigged.device.fail(failing, forever=False)
        try:
            np.testing.assert_array_equal(rigged.on_the_card(card, scene()), wanted)
        except DeviceError:
            refused += 1
        rigged.device.mend()
        np.testing.assert_array_equal(rigged.on_the_card(card, scene()), wanted)
        card.close()
    assert refused > 2


def test_a_swapper_that_cannot_be_made_keeps_nothing(rig: Rigs) -> None:
    rigged = rig(enhancer="codeformer", occlusion=True, regions=True)
    networks, held = rigged.networks(), rigged.device.held()
    made: list[DeviceSwapper] = []
    calls = called(rigged, lambda: made.append(rigged.made(networks)))
    made[0].close()
    assert rigged.device.held() == held
    for failing in range(0, calls, 5):
        rigged.device.fail(failing, forever=False)
        with pytest.raises(DeviceError, match="the test wants it"):
            rigged.made(networks)
        rigged.device.mend()
        assert rigged.device.held() == held
    assert calls > 30
