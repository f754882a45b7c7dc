"""Stable Diffusion XL, InstantID and IP-Adapter FaceID.

Parameters counted on the meta device: UNet 2.567, CLIP 0.123 and 0.695, VAE 0.084, IdentityNet 1.251 billion. Keys and
shapes: diffusers 0.42.1 (its loaders of IP-Adapter for the adapters); InstantID/InstantID: README.
"""

from types import MappingProxyType
from typing import Final

from livecam.studio.layouts import BASE, Form, Layout, Part
from livecam.studio.published.folders import CLIP_TOKENIZER, DIFFUSION_SCHEDULERS, network, text_encoder, tokenizer
from livecam.studio.published.licences import FACEID, INSTANTID, OPENRAIL
from livecam.studio.terms import Slot

INSTANTID_ADAPTER: Final = Form(
    "InstantID's IP-Adapter",
    {
        "image_proj.proj_in.weight": (1280, 512),
        "image_proj.latents": (1, 16, 1280),
        "image_proj.proj_out.weight": (2048, 1280),
        "ip_adapter.1.to_k_ip.weight": (640, 2048),
    },
    vectors="glintr100",
)
"""It makes the tokens that the control network sees, and may fill the slot tokens besides."""

SDXL: Final = Layout(
    name="sdxl-instantid",
    base=Part(
        BASE,
        "Stable Diffusion XL 1.0, or a model derived from it",
        "stabilityai/stable-diffusion-xl-base-1.0",
        "",
        OPENRAIL,
        parameters=3_469_000_000,
    ),
    pipelines=frozenset(
        {
            "StableDiffusionXLPipeline",
            "StableDiffusionXLInpaintPipeline",
            "StableDiffusionXLImg2ImgPipeline",
            "StableDiffusionXLControlNetInpaintPipeline",
        }
    ),
    components=(
        network(
            "unet",
            "UNet2DConditionModel",
            Form(
                "Stable Diffusion XL",
                {
                    "conv_in.weight": (320, None, 3, 3),
                    "add_embedding.linear_1.weight": (1280, 2816),
                    "mid_block.attentions.0.transformer_blocks.9.attn2.to_k.weight": (1280, 2048),
                },
            ),
        ),
        network("vae", "AutoencoderKL", Form("SDXL's VAE", {"decoder.conv_in.weight": (512, 4, 3, 3)})),
        text_encoder("text_encoder", "CLIPTextModel"),
        text_encoder("text_encoder_2", "CLIPTextModelWithProjection"),
        tokenizer("tokenizer", *CLIP_TOKENIZER),
        tokenizer("tokenizer_2", *CLIP_TOKENIZER),
        DIFFUSION_SCHEDULERS,
    ),
    parts=MappingProxyType(
        {
            Slot.TOKENS: Part(
                Slot.TOKENS,
                "IP-Adapter FaceID for SDXL",
                "h94/IP-Adapter-FaceID",
                "ip-adapter-faceid_sdxl.bin",
                FACEID,
                forms=(
                    Form(
                        "IP-Adapter FaceID for SDXL",
                        {
                            "image_proj.proj.0.weight": (1024, 512),
                            "image_proj.proj.2.weight": (8192, 1024),
                            "image_proj.norm.weight": (2048,),
                            "ip_adapter.1.to_k_ip.weight": (640, 2048),
                        },
                        vectors="arcface_w600k_r50",
                    ),
                    INSTANTID_ADAPTER,
                ),
                pickled=True,
                recogniser="arcface_w600k_r50 (buffalo_l); InstantID's IP-Adapter, which fits here too, of antelopev2",
            ),
            Slot.LANDMARKS: Part(
                Slot.LANDMARKS,
                "InstantID IdentityNet",
                "InstantX/InstantID",
                "ControlNetModel",
                INSTANTID,
                folder=network(
                    "",
                    "ControlNetModel",
                    Form(
                        "InstantID's IdentityNet",
                        {
                            "controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
                            "add_embedding.linear_1.weight": (1280, 2816),
                            "mid_block.attentions.0.transformer_blocks.9.attn2.to_k.weight": (1280, 2048),
                        },
                        needs=("resampler",),
                        vectors="glintr100",
                    ),
                ),
                recogniser="antelopev2 (glintr100)",
                parameters=1_251_000_000,
            ),
            "resampler": Part(
                "resampler",
                "InstantID's IP-Adapter",
                "InstantX/InstantID",
                "ip-adapter.bin",
                INSTANTID,
                forms=(INSTANTID_ADAPTER,),
                pickled=True,
                fills=Slot.TOKENS,
            ),
        }
    ),
    missing=MappingProxyType(
        {
            Slot.ATTENTION: "PuLID 1.1 is published for SDXL (guozinan/PuLID), but livecam has no loader for it. "
            "PuLID for FLUX.1 is read: --backend flux1.",
        }
    ),
)
