"""InfiniteYou: the resampler and the control network by name, shape and count; and the picture of the five points."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.studio, pytest.mark.filterwarnings("ignore:.FluxPosEmbed:FutureWarning")]
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402
from diffusers import FluxControlNetModel  # noqa: E402
from torch import nn  # noqa: E402

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines import adapters  # noqa: E402
from livecam.studio.engines.adapters import load_adapters  # noqa: E402
from livecam.studio.engines.prepare import COLOURS, draw_five, faces_of  # noqa: E402
from livecam.studio.engines.published import read, write  # noqa: E402
from livecam.studio.engines.resampler import Resampler, resampler_of  # noqa: E402
from livecam.studio.engines.tiny_models import save, tiny_transformer  # noqa: E402
from livecam.studio.terms import Device, Likeness, Slot, Weights  # noqa: E402
from tests.studio.engines.people import FIVE, SIDE, person, photo  # noqa: E402

PATH = Path("image_proj_model.safetensors")


def published(tokens: int, output: int) -> dict[str, torch.Tensor]:
    """Keys and shapes of a face resampler as published, from bytedance/InfiniteYou, pipelines/resampler.py."""
    made: dict[str, tuple[int, ...]] = {
        "latents": (1, tokens, 1280),
        "proj_in.weight": (1280, 512),
        "proj_in.bias": (1280,),
        "proj_out.weight": (output, 1280),
        "proj_out.bias": (output,),
        "norm_out.weight": (output,),
        "norm_out.bias": (output,),
    }
    for index in range(4):
        for name in ("0.norm1", "0.norm2", "1.0"):
            made |= {f"layers.{index}.{name}.{part}": (1280,) for part in ("weight", "bias")}
        made |= {
            f"layers.{index}.0.to_q.weight": (1280, 1280),
            f"layers.{index}.0.to_kv.weight": (2560, 1280),
            f"layers.{index}.0.to_out.weight": (1280, 1280),
            f"layers.{index}.1.1.weight": (5120, 1280),
            f"layers.{index}.1.3.weight": (1280, 5120),
        }
    return {key: torch.empty(shape, device="meta") for key, shape in made.items()}


@pytest.mark.parametrize("prefix", ["", "image_proj.", "image_proj_model."])
@pytest.mark.parametrize(("tokens", "output"), [(8, 4096), (16, 2048)])
def test_the_published_resamplers_fit_key_by_key(prefix: str, tokens: int, output: int) -> None:
    found = resampler_of({prefix + key: part for key, part in published(tokens, output).items()}, PATH)
    assert found.layers[0][0].heads == 20
    assert (found.latents.shape[1], found.proj_out.out_features) == (tokens, output)


@torch.no_grad()
def test_the_resampler_attends_as_published() -> None:
    """Against torch's own attention: queries see the vectors and each other."""
    torch.manual_seed(0)
    made = Resampler(512, 8, 48, 64, 1, 1).eval()
    vectors = torch.randn(2, 3, 512)
    attention, forward = made.layers[0]
    latents, features = made.latents.repeat(2, 1, 1), made.proj_in(vectors)
    normed = attention.norm2(latents)
    both = torch.cat((attention.norm1(features), normed), dim=1)
    key, value = attention.to_kv(both).chunk(2, dim=-1)
    seen = nn.functional.scaled_dot_product_attention(attention.to_q(normed), key, value)
    latents = attention.to_out(seen) + latents
    expected = made.norm_out(made.proj_out(forward(latents) + latents))
    assert torch.allclose(made(vectors), expected, atol=1e-5)


def test_what_does_not_fit_is_a_sentence() -> None:
    tensors = published(8, 4096)
    tensors["layers.3.1.3.weight"] = torch.empty(1280, 1, device="meta")
    with pytest.raises(StudioError, match=r"'layers.3.1.3.weight' in image_proj_model.safetensors has the shape"):
        resampler_of(tensors, PATH)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return save(tmp_path_factory.mktemp("tiny"))


def only(weights: Weights, slot: Slot, path: Path | None = None, **extras: Path) -> Weights:
    return Weights(weights.base, {slot: path or weights.adapters[slot]}, {**weights.extras, **extras})


def test_parts_that_do_not_fit_together_are_refused(saved: Weights, tmp_path: Path) -> None:
    transformer, cpu = tiny_transformer(), Device("cpu")
    wide = tmp_path / "wide.safetensors"
    write(wide, Resampler(512, 8, 48, 64, 1, 1).state_dict())
    with pytest.raises(StudioError, match=r"wide.safetensors makes tokens of another width"):
        load_adapters(only(saved, Slot.LANDMARKS, resampler=wide), transformer, cpu)
    eyes, tensors = tmp_path / "eyes.safetensors", read(saved.extras["eva"])
    write(eyes, tensors | {"visual.head.weight": torch.zeros(48, 64), "visual.head.bias": torch.zeros(48)})
    with pytest.raises(StudioError, match="takes 544 numbers"):
        load_adapters(only(saved, Slot.ATTENTION, eva=eyes), transformer, cpu)
    other = tmp_path / "other"
    FluxControlNetModel(
        num_layers=1,
        num_single_layers=1,
        num_attention_heads=1,
        attention_head_dim=16,
        in_channels=16,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
    ).save_pretrained(other)
    with pytest.raises(StudioError, match="num_attention_heads is 1, the base's 2"):
        load_adapters(only(saved, Slot.LANDMARKS, other), transformer, cpu)


def test_only_safetensors_are_opened(saved: Weights, tmp_path: Path) -> None:
    pickled, torn = tmp_path / "pulid.bin", tmp_path / "pulid.safetensors"
    pickled.write_bytes(b"\x80\x04.")
    torn.write_bytes(b"\x00" * 7)
    for path, said in (
        (pickled, "opens no other"),
        (torn, "cannot be read"),
        (tmp_path / "no.safetensors", "cannot be read"),
    ):
        with pytest.raises(StudioError, match=said) as told:
            load_adapters(only(saved, Slot.ATTENTION, path), tiny_transformer(), Device("cpu"))
        assert path.name in str(told.value)


def test_the_five_points_are_drawn_in_their_colours() -> None:
    picture = draw_five(2 * FIVE, 128)
    assert picture.shape == (128, 128, 3)
    for point, colour in zip((2 * FIVE).astype(int), COLOURS, strict=True):
        assert tuple(picture[point[1], point[0]]) == colour
    assert not picture[:30].any()
    dim = picture[60, 54]
    assert dim.any() or picture[62, 56].any()
    assert np.array_equal(draw_five(2 * FIVE + 3, 128)[3:, 3:], picture[:-3, :-3])


def test_a_face_for_pulid_is_grey_and_white_outside() -> None:
    one = person(1)
    half = np.zeros((SIDE, SIDE), np.uint8)
    half[:, : SIDE // 2] = 255
    parsed = Likeness(one.vectors, one.photos, one.fives, (half,))
    (face,) = faces_of(parsed, 3)
    assert face.shape == (512, 512, 3)
    assert face.dtype == np.float32
    assert np.array_equal(face[..., 0], face[..., 2])
    assert (face[:, 400:] == 1).all()
    assert face[256, 100:200].std() > 0
    (oval,) = faces_of(one, 3)
    assert (oval[:20, :20] == 1).all()
    assert oval[200:300, 200:300].std() > 0.01
    assert len(faces_of(Likeness(one.vectors, (photo(1),) * 5, (FIVE,) * 5), 3)) == 3
    assert adapters.PUBLIC.keys() == set(Slot)
