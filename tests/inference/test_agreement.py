"""A faster engine is believed only where it gives what the exact one gives."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import EngineError
from livecam.inference.agreement import Reference

Change = Callable[[Tensor], Tensor]


class Pretend:
    """Turns pictures round; `change` is what its backend does to the result.

    Args:
        change: Of what it gives.
        rows: Of a batch.
    """

    def __init__(self, change: Change = lambda image: image, rows: int = 1) -> None:
        self._change = change
        self.inputs = {
            "target": TensorSpec((rows, 3, 8, 8), "float32"),
            "source": TensorSpec((1, 16), "float32"),
        }
        self.outputs = {"image": TensorSpec((rows, 3, 8, 8), "float32")}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert {role: feed.shape for role, feed in feeds.items()} == {
            role: spec.shape for role, spec in self.inputs.items()
        }
        return {"image": self._change(feeds["target"][..., ::-1])}

    def close(self) -> None:
        pass


def shaken(image: Tensor, size: float) -> Tensor:
    noise = np.random.default_rng(1).standard_normal(image.shape) * size
    return (image.astype(np.float64) + noise).astype(np.float32)


@pytest.mark.parametrize("rows", [1, 4])
def test_a_good_engine_passes(rows: int) -> None:
    reference = Reference.of(Pretend())
    errors = reference.check(Pretend(lambda image: shaken(image, 0.001), rows), "swap")
    assert 0.0005 < errors["image"] < 0.005


def one_row_black(image: Tensor) -> Tensor:
    spoilt = image.copy()
    spoilt[-1] = 0
    return spoilt


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (np.zeros_like, 1),
        (lambda image: shaken(image, 0.2), 1),
        (lambda image: np.full_like(image, np.nan), 1),
        (lambda image: image[..., :4], 1),
        (lambda image: image[..., ::-1], 1),
        (one_row_black, 4),
        (lambda image: image[:0], 1),
    ],
    ids=["black", "noisy", "not a number", "cut", "mirrored", "one of four black", "nothing"],
)
def test_a_bad_engine_is_refused(change: Change, rows: int) -> None:
    reference = Reference.of(Pretend())
    with pytest.raises(EngineError, match=r"The compiled swap gives another image.*fp32"):
        reference.check(Pretend(change, rows), "swap")


def test_what_is_kept_is_not_a_view() -> None:
    memory = np.zeros((1, 3, 8, 8), np.float32)

    def into_memory(image: Tensor) -> Tensor:
        np.copyto(memory, image, casting="same_kind")
        return memory

    reference = Reference.of(Pretend(into_memory))
    kept = reference.results["image"].copy()
    memory[:] = 7
    np.testing.assert_array_equal(reference.results["image"], kept)
