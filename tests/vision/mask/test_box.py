import numpy as np
import pytest

from livecam.vision.mask.box import box_edges, box_mask


@pytest.mark.parametrize(("side", "border", "sigma"), [(128, 9, 4.75), (256, 19, 9.5), (512, 38, 19.0)])
def test_edges_follow_the_published_table(side: int, border: int, sigma: float) -> None:
    assert box_edges(side) == ((border,) * 4, sigma)


def test_padding_widens_a_side_only_beyond_the_soft_edge() -> None:
    assert box_edges(100, 0.3, (0, 20, 5, 8)).borders == (7, 20, 7, 8)
    assert box_edges(100, 0.0, (0, 20, 5, 8)) == ((1, 20, 5, 8), 0.0)


def gaussian(values: np.ndarray, sigma: float) -> np.ndarray:
    """A blur written out: the kernel reaches four sigma, the edges are mirrored without repeating the last."""
    radius = round(sigma * 4)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, radius, mode="reflect"), kernel / kernel.sum(), mode="valid")


@pytest.mark.parametrize("side", [128, 256])
def test_box_is_the_blurred_rectangle_and_zero_on_the_border(side: int) -> None:
    (top, right, bottom, left), sigma = box_edges(side, 0.3, (0, 0, 15, 0))
    rows, columns = np.zeros(side), np.zeros(side)
    rows[top : side - bottom] = 1
    columns[left : side - right] = 1
    wanted = 255 * np.outer(gaussian(rows, sigma), gaussian(columns, sigma))
    mask = box_mask(side, 0.3, (0, 0, 15, 0))
    assert mask.dtype == np.uint8
    assert np.abs(mask[1:-1, 1:-1] - wanted[1:-1, 1:-1]).max() <= 0.6
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert not edge.any()


def test_without_blur_it_is_a_rectangle() -> None:
    mask = box_mask(64, 0.0, (0, 0, 0, 50))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask[1:-1, 32:-1] == 255).all()
    assert not mask[:, :32].any()


@pytest.mark.parametrize(
    ("side", "blur", "padding"), [(2, 0.3, (0, 0, 0, 0)), (128, 1.5, (0, 0, 0, 0)), (128, 0.3, (0, -1, 0, 0))]
)
def test_numbers_out_of_range_are_refused(side: int, blur: float, padding: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="No box mask"):
        box_mask(side, blur, padding)
