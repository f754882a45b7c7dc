"""All of FLUX.1 at its full size with its three adapters, by shapes alone: the meta device calculates nothing."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.studio, pytest.mark.filterwarnings("ignore:.FluxPosEmbed:FutureWarning")]
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402
from diffusers import FluxControlNetModel, FluxTransformer2DModel  # noqa: E402
from torch import nn  # noqa: E402

from livecam.studio.engines.eva import eva_of  # noqa: E402
from livecam.studio.engines.hooks import (  # noqa: E402
    AttentionHook,
    Clock,
    Hook,
    IdentityHooks,
    LandmarksHook,
    TokensHook,
)
from livecam.studio.engines.pulid import pulid_of  # noqa: E402
from livecam.studio.engines.recogniser import recogniser_of  # noqa: E402
from livecam.studio.engines.resampler import resampler_of  # noqa: E402
from livecam.studio.engines.tokens import tokens_of  # noqa: E402
from tests.studio.engines import test_eva, test_infuse, test_pulid, test_recogniser, test_tokens  # noqa: E402

FORM = {"joint_attention_dim": 4096, "pooled_projection_dim": 768, "guidance_embeds": True}
PATH = Path("file")


def billions(made: nn.Module) -> float:
    return float(sum(part.numel() for part in made.parameters()) / 1e9)


@pytest.mark.usefixtures("unset")
def test_a_step_at_1024_px_with_all_three_adapters() -> None:
    with torch.device("meta"):
        base = FluxTransformer2DModel(**FORM)
        control = FluxControlNetModel(num_layers=4, num_single_layers=10, **FORM)
        inputs = {
            "hidden_states": torch.empty(1, 4096, 64),
            "encoder_hidden_states": torch.empty(1, 512, 4096),
            "pooled_projections": torch.empty(1, 768),
            "timestep": torch.empty(1),
            "guidance": torch.empty(1),
            "img_ids": torch.empty(4096, 3),
            "txt_ids": torch.empty(512, 3),
        }
        vector, picture = torch.empty(1, 1, 512), torch.empty(1, 4096, 64)
        face, small = torch.empty(1, 3, 336, 336), torch.empty(1, 3, 112, 112)
    assert billions(base) == pytest.approx(11.90, abs=0.01)
    assert billions(control) == pytest.approx(2.95, abs=0.01)
    tokens = tokens_of(test_tokens.published(512), PATH, base.inner_dim, 4096, 19)
    pulid = pulid_of(test_pulid.published(), PATH, base.inner_dim, 19, 38)
    seen, maps = eva_of(test_eva.published(), PATH)(face)
    assert [tuple(part.shape) for part in maps] == [(1, 577, 1024)] * 5
    known = pulid.pulid_encoder(torch.cat((vector[0], seen), dim=-1), maps)
    assert tuple(known.shape) == (1, 32, 2048)
    shown = resampler_of(test_infuse.published(8, 4096), PATH)(
        recogniser_of(test_recogniser.published(), PATH)(small)[None]
    )
    assert tuple(shown.shape) == (1, 8, 4096)
    hooks: list[Hook] = [
        TokensHook(tokens.ip_adapter, tokens.image_proj(vector), 0.5),
        AttentionHook(pulid.pulid_ca, known, 1.0),
        LandmarksHook(control, picture, shown, 0.8),
    ]
    with torch.no_grad(), IdentityHooks(base, hooks, Clock(28, 7)):
        assert tuple(base(**inputs, return_dict=False)[0].shape) == (1, 4096, 64)
