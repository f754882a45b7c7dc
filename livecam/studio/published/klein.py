"""FLUX.2 [klein] 4B. Parameters counted on the meta device: transformer 3.876, Qwen3 4.022, VAE 0.084 billion."""

from types import MappingProxyType
from typing import Final

from livecam.inference.recipe import Licence
from livecam.studio.layouts import BASE, Form, Layout, Part
from livecam.studio.published.folders import FLOW, network, text_encoder, tokenizer
from livecam.studio.published.licences import BFL
from livecam.studio.terms import Slot

KLEIN: Final = Layout(
    name="klein4b",
    base=Part(
        BASE,
        "FLUX.2 [klein] 4B",
        "black-forest-labs/FLUX.2-klein-4B",
        "",
        Licence("Apache-2.0", BFL, True, "", "LICENSE.md in black-forest-labs/FLUX.2-klein-4B"),
        parameters=7_982_000_000,
    ),
    pipelines=frozenset({"Flux2KleinPipeline", "Flux2KleinInpaintPipeline"}),
    components=(
        network(
            "transformer",
            "Flux2Transformer2DModel",
            Form(
                "FLUX.2 [klein] 4B",
                {
                    "x_embedder.weight": (3072, 128),
                    "context_embedder.weight": (3072, 7680),
                    "transformer_blocks.4.attn.to_q.weight": (3072, 3072),
                    "single_transformer_blocks.19.attn.to_qkv_mlp_proj.weight": (27648, 3072),
                },
                hint="Is it the 9B, or [dev]? Their terms forbid commercial use, and no backend here reads them.",
            ),
        ),
        network(
            "vae",
            "AutoencoderKLFlux2",
            Form("FLUX.2's VAE", {"post_quant_conv.weight": (32, 32, 1, 1), "bn.running_mean": (128,)}),
        ),
        text_encoder("text_encoder", "Qwen3ForCausalLM"),
        tokenizer("tokenizer", "Qwen2Tokenizer", "Qwen2TokenizerFast"),
        FLOW,
    ),
    opt_in=False,
    missing=MappingProxyType(
        {
            Slot.TOKENS: "It looks at up to four photos of the persona instead.",
            Slot.ATTENTION: "There is a port of PuLID by a third party (iFayens/ComfyUI-PuLID-Flux2), whose training "
            "its author calls unstable; livecam has no loader for it. It looks at photos instead. PuLID itself is "
            "published for FLUX.1: --backend flux1.",
            Slot.LANDMARKS: "There is no ControlNet for FLUX.2. InfiniteYou is published for FLUX.1 (--backend flux1), "
            "InstantID for SDXL (--backend sdxl-instantid).",
        }
    ),
)
