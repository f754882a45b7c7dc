"""Colours are matched on the card as on the processor, frame after frame."""

from ctypes import addressof

import numpy as np
import numpy.typing as npt
import pytest

from livecam.canvas.kernels.chain_arguments import ColourArguments, Colours
from livecam.vision.color import OVAL, SIDE, ColourMemory, Transfer, measured
from tests.canvas.host_kernels import HostKernels, address

Floats = npt.NDArray[np.float32]
STEP_NS = 33_333_333


def means(seed: int, middle: tuple[float, float, float], spread: float) -> Floats:
    rng = np.random.default_rng(seed)
    found: Floats = np.clip(rng.normal(middle, spread, (SIDE, SIDE, 3)), 0, 255).astype(np.float32)
    return found


def matched(
    kernels: HostKernels,
    arrays: tuple[Floats, Floats, Floats],
    memory: ColourMemory,
    now_ns: int,
    launch: tuple[int, int] = (1, 1),
    strength: float = 1.0,
) -> tuple[Floats, Colours]:
    matrix, colours, oval = np.zeros((3, 4), np.float32), Colours(), OVAL.astype(np.float32)
    swapped, original, mask = arrays
    arguments = ColourArguments(swapped=address(swapped), original=address(original), mask=address(mask))
    arguments.oval, arguments.matrix, arguments.colours = address(oval), address(matrix), addressof(colours)
    arguments.cells, arguments.strength, arguments.calm = SIDE * SIDE, strength, memory.calm(now_ns)
    if memory.transfer is not None:
        arguments.known = 1
        for field, part in zip(("gain", "shift", "middle"), memory.transfer, strict=True):
            getattr(arguments.before, field)[:] = part.tolist()
    kernels("colour_match", arguments, *launch)
    return matrix, colours


@pytest.mark.parametrize("launch", [(1, 1), (3, 1), (1, 16), (2, 4)], ids=str)
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_the_matrix_is_that_of_the_cpu_over_time(
    kernels: HostKernels, launch: tuple[int, int], strength: float
) -> None:
    """Little by little, at a jump of the light, after a gap, and where the face's contrast is out of bounds."""
    mask = np.full((SIDE, SIDE), 255, np.float32)
    memory = ColourMemory()
    looks = [((110, 130, 180), 15.0), ((112, 131, 181), 15.0), ((60, 70, 90), 8.0), ((255, 0, 0), 60.0)]
    for frame, (middle, spread) in enumerate([*looks, looks[0], looks[1]]):
        now_ns = frame * STEP_NS + (10**9 if frame > 4 else 0)
        arrays = (means(1, (120, 120, 150), 20.0), means(frame, middle, spread), mask)
        matrix, colours = matched(kernels, arrays, memory, now_ns, launch, strength)
        fresh = measured(*arrays)
        assert fresh is not None
        memory.follow(fresh, now_ns)
        assert memory.transfer is not None
        wanted = memory.transfer.matrix(strength)
        np.testing.assert_allclose(matrix[:, :3], wanted[:, :3], atol=1e-4)
        np.testing.assert_allclose(matrix[:, 3], wanted[:, 3], atol=0.02)
        assert (colours.measured, colours.known) == (1, 1)
        told = (colours.transfer.gain, colours.transfer.shift, colours.transfer.middle)
        for part, own in zip(told, memory.transfer, strict=True):
            np.testing.assert_allclose(list(part), own, atol=5e-3)


def test_where_there_is_no_face_what_was_known_stays(kernels: HostKernels) -> None:
    arrays = (means(1, (120, 120, 150), 20.0), means(2, (90, 90, 90), 9.0), np.zeros((SIDE, SIDE), np.float32))
    matrix, colours = matched(kernels, arrays, ColourMemory(), 0)
    np.testing.assert_allclose(matrix, np.eye(3, 4), atol=1e-6)
    assert (colours.measured, colours.known) == (0, 0)
    memory = ColourMemory()
    memory.keep(Transfer(np.array([0.1, -0.2, 0.3]), np.array([5.0, -7.0, 2.0]), np.array([200.0, 3.0, -9.0])), 0)
    matrix, colours = matched(kernels, arrays, memory, STEP_NS)
    assert memory.transfer is not None
    np.testing.assert_allclose(matrix, memory.transfer.matrix(1.0), atol=1e-3)
    assert (colours.measured, colours.known) == (0, 1)
