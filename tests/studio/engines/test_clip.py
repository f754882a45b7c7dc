"""An IP-Adapter that looks at photos with CLIP, as the published ones for FLUX.1 do."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection  # noqa: E402

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.adapters import load_adapters  # noqa: E402
from livecam.studio.engines.identity import Identity  # noqa: E402
from livecam.studio.engines.published import write  # noqa: E402
from livecam.studio.engines.tiny_models import DOUBLE, WIDTH, tiny_transformer  # noqa: E402
from livecam.studio.engines.tokens import FaceTokens, as_xlabs  # noqa: E402
from livecam.studio.terms import Device, Likeness, Slot, Weights  # noqa: E402
from tests.studio.engines.people import FIVE, person, photo  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """An adapter for vectors of 24 numbers, and eyes that make them."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPVisionConfig(image_size=28, patch_size=14, projection_dim=24, **sizes)
    CLIPVisionModelWithProjection(config).save_pretrained(folder / "clip")
    write(folder / "ip.safetensors", as_xlabs(FaceTokens(24, 4 * WIDTH, WIDTH, DOUBLE).state_dict()))
    return Weights(folder, {Slot.TOKENS: folder / "ip.safetensors"}, {"clip": folder / "clip"})


def test_the_photos_count_and_the_vectors_do_not(weights: Weights) -> None:
    loaded = load_adapters(weights, tiny_transformer(), Device("cpu"))
    identity = Identity(loaded, "a base", torch.device("cpu"), torch.float32)
    one = person(1)
    first = identity.tokens(Slot.TOKENS, one)
    assert tuple(first.shape) == (1, 4, WIDTH)
    assert torch.equal(identity.tokens(Slot.TOKENS, Likeness(person(2).vectors, one.photos, one.fives)), first)
    two = Likeness(one.vectors, (photo(1), photo(2)), (FIVE, FIVE))
    assert torch.allclose(identity.tokens(Slot.TOKENS, two)[:, :4], first, atol=1e-5)
    assert not torch.allclose(identity.tokens(Slot.TOKENS, two)[:, 4:], first, atol=1e-2)


def test_the_published_file_with_both_towers_fits(weights: Weights, tmp_path: Path) -> None:
    """openai/clip-vit-large-patch14 holds the text tower too; the vision tower is found in it."""
    eyes = CLIPVisionModelWithProjection.from_pretrained(weights.extras["clip"])
    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    both = CLIPModel(CLIPConfig(text_config=text, vision_config=eyes.config.to_dict(), projection_dim=24))
    both.vision_model.load_state_dict(eyes.vision_model.state_dict())
    both.visual_projection.load_state_dict(eyes.visual_projection.state_dict())
    both.save_pretrained(tmp_path)
    whole = Weights(weights.base, weights.adapters, {"clip": tmp_path})
    tokens = [
        Identity(
            load_adapters(files, tiny_transformer(), Device("cpu")), "a base", torch.device("cpu"), torch.float32
        ).tokens(Slot.TOKENS, person(1))
        for files in (weights, whole)
    ]
    assert torch.equal(tokens[0], tokens[1])


def test_other_eyes_or_none_are_refused(weights: Weights, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="'clip', which is not registered"):
        load_adapters(Weights(weights.base, weights.adapters, {}), tiny_transformer(), Device("cpu"))
    write(tmp_path / "wide.safetensors", FaceTokens(30, 4 * WIDTH, WIDTH, DOUBLE).state_dict())
    wide = Weights(weights.base, {Slot.TOKENS: tmp_path / "wide.safetensors"}, weights.extras)
    with pytest.raises(StudioError, match=r"takes vectors of 30 numbers; .*clip makes 24"):
        load_adapters(wide, tiny_transformer(), Device("cpu"))
