"""By what published files are known agrees with the networks that read them, at full size, without any weights."""

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

from torch import nn  # noqa: E402 - after the skip

from livecam.studio.engines.eva import Eva  # noqa: E402
from livecam.studio.engines.perceiver import CrossAttention  # noqa: E402
from livecam.studio.engines.pulid import IDFormer, Pulid  # noqa: E402
from livecam.studio.engines.recogniser import IrSe  # noqa: E402
from livecam.studio.engines.resampler import Resampler  # noqa: E402
from livecam.studio.layouts import Form  # noqa: E402
from livecam.studio.published import LAYOUTS  # noqa: E402
from livecam.studio.tensors import Tensor  # noqa: E402
from livecam.studio.terms import Slot  # noqa: E402

SDXL = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "cross_attention_dim": 2048,
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
    "use_linear_projection": True,
}
UP = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 32,
}


def component(backend: str, folder: str) -> Form:
    form = next(part.form for part in LAYOUTS[backend].components if part.folder == folder)
    assert form is not None
    return form


def part(backend: str, name: str) -> Form:
    held = LAYOUTS[backend].parts[name]
    form = held.forms[0] if held.forms else held.folder and held.folder.form
    assert form
    return form


def _pulid() -> Pulid:
    return Pulid(
        IDFormer(1280, 1024, 1024, 10, 16, 32, 2048, 5), [CrossAttention(3072, 2048, 16, 128) for _ in range(20)]
    )


NETWORKS: "list[tuple[Form, str, Callable[[], nn.Module]]]" = [
    (
        component("klein4b", "transformer"),
        "",
        lambda: diffusers.Flux2Transformer2DModel(
            num_layers=5, num_single_layers=20, num_attention_heads=24, joint_attention_dim=7680, guidance_embeds=False
        ),
    ),
    (component("klein4b", "vae"), "", diffusers.AutoencoderKLFlux2),
    (component("flux1", "transformer"), "", lambda: diffusers.FluxTransformer2DModel(guidance_embeds=True)),
    (component("flux1", "vae"), "", lambda: diffusers.AutoencoderKL(latent_channels=16, **VAE)),
    (
        component("sdxl-instantid", "unet"),
        "",
        lambda: diffusers.UNet2DConditionModel(up_block_types=UP, **SDXL),
    ),
    (component("sdxl-instantid", "vae"), "", lambda: diffusers.AutoencoderKL(latent_channels=4, **VAE)),
    (part("sdxl-instantid", Slot.LANDMARKS), "", lambda: diffusers.ControlNetModel(**SDXL)),
    (
        part("flux1", Slot.LANDMARKS),
        "",
        lambda: diffusers.FluxControlNetModel(num_layers=4, num_single_layers=10, guidance_embeds=True),
    ),
    (
        part("flux1", "clip"),
        "",
        lambda: transformers.CLIPVisionModelWithProjection(
            transformers.CLIPVisionConfig(
                hidden_size=1024,
                intermediate_size=4096,
                num_hidden_layers=1,
                num_attention_heads=16,
                patch_size=14,
                projection_dim=768,
            )
        ),
    ),
    (part("flux1", Slot.ATTENTION), "", _pulid),
    (part("flux1", "eva"), "visual.trunk.", lambda: Eva(24, 14, 1024, 2730, 24, 768)),
    (part("flux1", "resampler"), "image_proj.", lambda: Resampler(512, 8, 4096, 1280, 4, 20)),
    (
        part("flux1", "arcface"),
        "",
        lambda: IrSe(64, [64] * 3 + [128] * 4 + [256] * 14 + [512] * 3, 512),
    ),
]


@pytest.mark.parametrize(("form", "prefix", "network"), NETWORKS, ids=[form.name for form, *_ in NETWORKS])
@pytest.mark.usefixtures("unset")
def test_the_form_is_that_of_the_network(form: Form, prefix: str, network: "Callable[[], nn.Module]") -> None:
    with torch.device("meta"):
        weights = network().state_dict()
    assert form.misfit({prefix + key: Tensor("F16", tuple(value.shape)) for key, value in weights.items()}) == ""
