"""FLUX.1 [dev], PuLID, InfiniteYou and IP-Adapter.

Parameters counted on the meta device: transformer 11.901, T5 4.762, CLIP 0.123, VAE 0.084 billion. Keys and shapes:
diffusers 0.42.1; ToTheBeginning/PuLID: pulid/encoders_transformer.py; bytedance/InfiniteYou:
pipelines/pipeline_infu_flux.py; XLabs-AI/x-flux: src/flux/xflux_pipeline.py.
"""

from types import MappingProxyType
from typing import Final

from livecam.studio.layouts import BASE, Component, Form, Layout, Part
from livecam.studio.published.folders import CLIP_TOKENIZER, CONFIG, FLOW, network, text_encoder, tokenizer
from livecam.studio.published.licences import CLIP, DEV, EVA, FACEXLIB, INFINITE_YOU, PULID, XLABS
from livecam.studio.terms import Slot

FLUX: Final = Layout(
    name="flux1",
    base=Part(BASE, "FLUX.1 [dev]", "black-forest-labs/FLUX.1-dev", "", DEV, parameters=16_870_000_000),
    pipelines=frozenset({"FluxPipeline", "FluxInpaintPipeline", "FluxImg2ImgPipeline"}),
    components=(
        network(
            "transformer",
            "FluxTransformer2DModel",
            Form(
                "FLUX.1 [dev]",
                {
                    "x_embedder.weight": (3072, 64),
                    "context_embedder.weight": (3072, 4096),
                    "transformer_blocks.18.attn.to_q.weight": (3072, 3072),
                    "single_transformer_blocks.37.attn.to_q.weight": (3072, 3072),
                    "time_text_embed.guidance_embedder.linear_1.weight": (3072, 256),
                },
                hint="Is it [schnell]? The adapters were not made for that one, and the backend does not read it.",
            ),
        ),
        network("vae", "AutoencoderKL", Form("FLUX.1's VAE", {"decoder.conv_in.weight": (512, 16, 3, 3)})),
        text_encoder("text_encoder", "CLIPTextModel"),
        text_encoder("text_encoder_2", "T5EncoderModel"),
        tokenizer("tokenizer", *CLIP_TOKENIZER),
        tokenizer("tokenizer_2", "T5Tokenizer", "T5TokenizerFast"),
        FLOW,
    ),
    parts=MappingProxyType(
        {
            Slot.TOKENS: Part(
                Slot.TOKENS,
                "IP-Adapter for FLUX.1",
                "XLabs-AI/flux-ip-adapter",
                "ip_adapter.safetensors",
                XLABS,
                forms=(
                    Form(
                        "XLabs' IP-Adapter for FLUX.1",
                        {
                            "ip_adapter_proj_model.proj.weight": (None, 768),
                            "double_blocks.18.processor.ip_adapter_double_stream_k_proj.weight": (3072, 4096),
                        },
                        needs=("clip",),
                    ),
                    Form(
                        "an IP-Adapter for FLUX.1 in diffusers' layout",
                        {"image_proj.proj.weight": (None, 768), "ip_adapter.18.to_k_ip.weight": (3072, 4096)},
                        needs=("clip",),
                    ),
                    Form(
                        "an IP-Adapter for FLUX.1 that takes a face recogniser's vector",
                        {"image_proj.proj.weight": (None, 512), "ip_adapter.18.to_k_ip.weight": (3072, 4096)},
                    ),
                ),
            ),
            Slot.ATTENTION: Part(
                Slot.ATTENTION,
                "PuLID-FLUX 0.9.1",
                "guozinan/PuLID",
                "pulid_flux_v0.9.1.safetensors",
                PULID,
                forms=(
                    Form(
                        "PuLID for FLUX.1",
                        {
                            "pulid_encoder.latents": (1, 32, 1024),
                            "pulid_encoder.id_embedding_mapping.0.weight": (1024, 1280),
                            "pulid_ca.0.to_q.weight": (2048, 3072),
                            "pulid_ca.19.to_out.weight": (3072, 2048),
                        },
                        needs=("eva",),
                        vectors="glintr100",
                    ),
                ),
                recogniser="antelopev2 (glintr100)",
                parameters=571_000_000,
            ),
            Slot.LANDMARKS: Part(
                Slot.LANDMARKS,
                "InfiniteYou InfuseNet",
                "ByteDance/InfiniteYou",
                "infu_flux_v1.0/aes_stage2/InfuseNetModel",
                INFINITE_YOU,
                folder=network(
                    "",
                    "FluxControlNetModel",
                    Form(
                        "InfuseNet",
                        {
                            "controlnet_x_embedder.weight": (3072, 64),
                            "context_embedder.weight": (3072, 4096),
                            "controlnet_blocks.3.weight": (3072, 3072),
                            "controlnet_single_blocks.9.weight": (3072, 3072),
                        },
                        needs=("resampler", "arcface"),
                    ),
                ),
                recogniser="facexlib's ArcFace",
                parameters=2_953_000_000,
            ),
            "clip": Part(
                "clip",
                "CLIP ViT-L/14",
                "openai/clip-vit-large-patch14",
                "config.json and model.safetensors, in a folder of their own",
                CLIP,
                folder=Component(
                    "",
                    frozenset({"CLIPVisionModelWithProjection"}),
                    "model",
                    CONFIG,
                    Form(
                        "CLIP ViT-L/14",
                        {
                            "vision_model.embeddings.patch_embedding.weight": (1024, 3, 14, 14),
                            "visual_projection.weight": (768, 1024),
                        },
                    ),
                    "transformers",
                ),
            ),
            "eva": Part(
                "eva",
                "EVA02-CLIP-L/14 at 336 px",
                "QuanSun/EVA-CLIP",
                "EVA02_CLIP_L_336_psz14_s6B.pt",
                EVA,
                forms=(
                    Form(
                        "EVA02-CLIP-L/14 at 336 px",
                        {"patch_embed.proj.weight": (1024, 3, 14, 14), "pos_embed": (1, 577, 1024)},
                        ("visual.trunk.", "visual.", ""),
                    ),
                ),
                pickled=True,
            ),
            "resampler": Part(
                "resampler",
                "InfiniteYou's face resampler",
                "ByteDance/InfiniteYou",
                "infu_flux_v1.0/aes_stage2/image_proj_model.bin",
                INFINITE_YOU,
                forms=(
                    Form(
                        "InfiniteYou's face resampler",
                        {"proj_in.weight": (1280, 512), "latents": (1, 8, 1280), "proj_out.weight": (4096, 1280)},
                        ("image_proj.", "image_proj_model.", ""),
                    ),
                ),
                pickled=True,
            ),
            "arcface": Part(
                "arcface",
                "facexlib's ArcFace, which InfiniteYou was trained with",
                "xinntao/facexlib",
                "release v0.1.0, recognition_arcface_ir_se50.pth",
                FACEXLIB,
                forms=(
                    Form(
                        "facexlib's ArcFace",
                        {
                            "input_layer.0.weight": (64, 3, 3, 3),
                            "body.23.res_layer.1.weight": (512, 512, 3, 3),
                            "output_layer.3.weight": (512, 25088),
                        },
                    ),
                ),
                pickled=True,
            ),
        }
    ),
)
