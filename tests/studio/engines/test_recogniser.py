"""InfiniteYou's recogniser: the published file's names and shapes, what it calculates, and that it is used."""

from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.identity import Identity  # noqa: E402
from livecam.studio.engines.recogniser import IrSe, faces_for, recogniser_of  # noqa: E402
from livecam.studio.engines.tiny_models import tiny_adapters  # noqa: E402
from livecam.studio.terms import Likeness, Slot  # noqa: E402
from tests.studio.engines.people import FIVE, person, photo  # noqa: E402

PATH = Path("recognition_arcface_ir_se50.safetensors")
UNITS = [64] * 3 + [128] * 4 + [256] * 14 + [512] * 3


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (width,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def published() -> dict[str, torch.Tensor]:
    """Every key of the real file with its shape, from facexlib/recognition/arcface_arch.py with 50 layers."""
    made = {"input_layer.0.weight": (64, 3, 3, 3), "input_layer.2.weight": (64,), **norm("input_layer.1", 64)}
    for index, (before, width) in enumerate(zip([64, *UNITS], UNITS, strict=False)):
        name = f"body.{index}"
        made |= norm(f"{name}.res_layer.0", before) | norm(f"{name}.res_layer.4", width)
        made |= {f"{name}.res_layer.1.weight": (width, before, 3, 3), f"{name}.res_layer.2.weight": (width,)}
        made |= {f"{name}.res_layer.3.weight": (width, width, 3, 3)}
        made |= {f"{name}.res_layer.5.fc1.weight": (width // 16, width, 1, 1)}
        made |= {f"{name}.res_layer.5.fc2.weight": (width, width // 16, 1, 1)}
        if before != width:
            made |= {
                f"{name}.shortcut_layer.0.weight": (width, before, 1, 1),
                **norm(f"{name}.shortcut_layer.1", width),
            }
    made |= norm("output_layer.0", 512) | norm("output_layer.4", 512)
    made |= {"output_layer.3.weight": (512, 25088), "output_layer.3.bias": (512,)}
    return {key: torch.empty(shape, device="meta") for key, shape in made.items()}


def test_the_published_file_fits_key_by_key() -> None:
    found = recogniser_of(published(), PATH)
    assert sum(part.numel() for part in found.parameters()) == pytest.approx(43.8e6, rel=2e-3)
    tensors = published()
    del tensors["body.20.res_layer.5.fc2.weight"]
    with pytest.raises(StudioError, match=r"ir_se50.safetensors lacks the key 'body.20.res_layer.5.fc2.weight'"):
        recogniser_of(tensors, PATH)


def small() -> IrSe:
    torch.manual_seed(0)
    return IrSe(16, [16, 32], 512).eval().requires_grad_(requires_grad=False)


def test_it_halves_where_it_widens_and_gives_unit_vectors() -> None:
    made, faces = small(), faces_for((photo(1), photo(2)), (FIVE, FIVE))
    assert tuple(faces.shape) == (2, 3, 112, 112)
    assert -1 <= faces.min() < faces.max() <= 1
    hidden = made.body(made.input_layer(faces))
    assert tuple(hidden.shape) == (2, 32, 28, 28)
    assert torch.allclose(made(faces).norm(dim=-1), torch.ones(2))
    assert not torch.equal(made(faces)[0], made(faces)[1])


def test_the_photos_count_and_the_vectors_do_not() -> None:
    identity = Identity(tiny_adapters(), "a base", torch.device("cpu"), torch.float32)
    one = person(1)
    first = identity.tokens(Slot.LANDMARKS, one)
    assert tuple(first.shape) == (1, 8, 32)
    same = Likeness(person(2).vectors, one.photos, one.fives)
    other = Likeness(one.vectors, (photo(3),), (FIVE,))
    two = Likeness(one.vectors, (photo(1), photo(3)), (FIVE, FIVE))
    assert torch.equal(identity.tokens(Slot.LANDMARKS, same), first)
    assert not torch.allclose(identity.tokens(Slot.LANDMARKS, other), first)
    assert not torch.allclose(identity.tokens(Slot.LANDMARKS, two), first)
    without = Identity(replace(tiny_adapters(), arcface=None), "a base", torch.device("cpu"), torch.float32)
    assert torch.equal(without.tokens(Slot.LANDMARKS, other), without.tokens(Slot.LANDMARKS, one))
    assert not torch.equal(without.tokens(Slot.LANDMARKS, same), without.tokens(Slot.LANDMARKS, one))
