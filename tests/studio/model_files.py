"""Models as files, made by the test: safetensors by hand, and folders in diffusers' layout, none larger than a page."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from livecam.inference.recipe import Licence
from livecam.studio.layouts import BASE, Component, Form, Layout, Part
from livecam.studio.tensors import BYTES
from livecam.studio.terms import Slot

Shapes = Mapping[str, tuple[int, ...]]

FREE: Final = Licence("MIT", "somebody", True, "", "LICENSE")
NARROW: Final = Licence("Research", "a university", False, "Research only.", "LICENSE")


def header_bytes(entries: Mapping[str, object]) -> bytes:
    """A header with its length before it."""
    raw = json.dumps(entries).encode()
    return len(raw).to_bytes(8, "little") + raw


def safetensors(shapes: Shapes, dtype: str = "F16", metadata: Mapping[str, str] | None = None) -> bytes:
    """A sound file of zeros."""
    at, entries = 0, dict[str, object]({"__metadata__": metadata} if metadata else {})
    for name, shape in shapes.items():
        end = at + math.prod(shape) * BYTES[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    return header_bytes(entries) + bytes(at)


BASE_SHAPES: Final[Shapes] = {"x_embedder.weight": (4, 2), "blocks.1.weight": (4, 4)}
CONTROL_SHAPES: Final[Shapes] = {"controlnet_x_embedder.weight": (4, 2)}
PULID_SHAPES: Final[Shapes] = {"pulid_ca.0.to_q.weight": (3, 4)}
EYES_SHAPES: Final[Shapes] = {"visual.pos_embed": (1, 5, 2)}


def form(name: str, shapes: Shapes, **more: tuple[str, ...]) -> Form:
    return Form(name, dict(shapes), **more)  # type: ignore[arg-type]


SMALL: Final = Layout(
    name="flux1",
    base=Part(BASE, "a small base", "somebody/base", "", NARROW, parameters=10),
    pipelines=frozenset({"FluxPipeline"}),
    components=(
        Component(
            "transformer",
            frozenset({"FluxTransformer2DModel"}),
            "diffusion_pytorch_model",
            (("config.json",),),
            form("the small base", BASE_SHAPES),
        ),
        Component("text_encoder", frozenset({"CLIPTextModel"}), "model", (("config.json",),), library="transformers"),
        Component(
            "tokenizer",
            frozenset({"CLIPTokenizer"}),
            needs=(("tokenizer_config.json",), ("tokenizer.json", "vocab.json")),
            library="transformers",
        ),
    ),
    parts=MappingProxyType(
        {
            Slot.ATTENTION: Part(
                Slot.ATTENTION,
                "a small PuLID",
                "somebody/pulid",
                "pulid.safetensors",
                NARROW,
                forms=(form("PuLID for the small base", PULID_SHAPES, needs=("eva",)),),
            ),
            Slot.LANDMARKS: Part(
                Slot.LANDMARKS,
                "a small control network",
                "somebody/control",
                "Control",
                FREE,
                folder=Component(
                    "",
                    frozenset({"FluxControlNetModel"}),
                    "diffusion_pytorch_model",
                    (("config.json",),),
                    form("the control network", CONTROL_SHAPES),
                ),
            ),
            "eva": Part(
                "eva",
                "small eyes",
                "somebody/eyes",
                "eyes.pt",
                FREE,
                forms=(Form("the eyes", {"pos_embed": (1, None, 2)}, ("visual.", "")),),
                pickled=True,
            ),
        }
    ),
    missing=MappingProxyType({Slot.TOKENS: "There is another adapter."}),
)
"""Like FLUX.1's, at a width that fits into a test."""

FREELY: Final = replace(SMALL, opt_in=False)


def write(path: Path, content: bytes | object) -> Path:
    """Bytes as they are; anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def small_base(folder: Path) -> Path:
    """The base of `SMALL`."""
    write(
        folder / "model_index.json",
        {
            "_class_name": "FluxPipeline",
            "_diffusers_version": "0.42.1",
            "transformer": ["diffusers", "FluxTransformer2DModel"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "image_encoder": [None, None],
            "is_distilled": True,
        },
    )
    write(folder / "transformer" / "config.json", {"_class_name": "FluxTransformer2DModel", "num_layers": 2})
    write(folder / "transformer" / "diffusion_pytorch_model.safetensors", safetensors(BASE_SHAPES))
    write(folder / "text_encoder" / "config.json", {"architectures": ["CLIPTextModel"]})
    write(folder / "text_encoder" / "model.safetensors", safetensors({"embeddings.weight": (2, 2)}))
    write(folder / "tokenizer" / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer"})
    write(folder / "tokenizer" / "vocab.json", {"a": 0})
    write(folder / "tokenizer" / "merges.txt", b"#version\n")
    write(folder / "README.md", b"read me")
    write(folder / ".gitattributes", b"* lfs")
    return folder


def small_control(folder: Path) -> Path:
    """What fills the slot landmarks of `SMALL`."""
    write(folder / "config.json", {"_class_name": "FluxControlNetModel"})
    write(folder / "diffusion_pytorch_model.safetensors", safetensors(CONTROL_SHAPES))
    return folder


def small_parts(folder: Path) -> dict[str, Path]:
    """Everything that `SMALL` takes."""
    return {
        BASE: small_base(folder / "base"),
        Slot.ATTENTION: write(folder / "pulid.safetensors", safetensors(PULID_SHAPES)),
        Slot.LANDMARKS: small_control(folder / "control"),
        "eva": write(folder / "eva.safetensors", safetensors(EYES_SHAPES)),
    }
