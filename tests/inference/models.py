"""Published networks made up for tests: small files that begin as ONNX files do."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from random import Random

from livecam.core.seams import TensorSpec
from livecam.inference.model import Model, Origin, Port, Save, Task
from livecam.inference.recipe import Licence
from livecam.vision.contract import (
    Alignment,
    Colour,
    ConverterContract,
    IdentityKind,
    IdentityRule,
    Layout,
    PictureIn,
    PictureOut,
    SwapperContract,
)
from livecam.vision.template import Template

RESEARCH = Licence("research only", "Somebody", False, "No commercial use.", "https://example.org/terms")
FREE = Licence("MIT", "Somebody else", True, "", "https://example.org/mit")
VECTOR = Port((), TensorSpec((1, 512), "float32"))
PICTURE = Port((), TensorSpec((1, 3, 128, 128), "float32"))


def content(seed: int = 0, size: int = 40_000) -> bytes:
    """What a network's file may hold."""
    return b"\x08\x06" + Random(seed).randbytes(size - 2)


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def save(data: bytes, by: str = "somebody") -> Save:
    return Save(digest(data), len(data), by)


def network(
    name: str, *saved: bytes, urls: Sequence[str] = (), licence: Licence = RESEARCH, size: int = 40_000
) -> Model:
    """A network that needs no other; without `saved`, one whose digest nobody knows."""
    return Model(
        name=name,
        task=Task.CONVERT,
        summary=f"The network {name}",
        licence=licence,
        saves=tuple(save(data) for data in saved),
        size=len(saved[0]) if saved else size,
        origins=tuple(Origin(url, "somebody") for url in urls),
        inputs={"embedding": VECTOR},
        outputs={"embedding": VECTOR},
        contract=ConverterContract(512, normalised=True),
        gflop=0.0,
        notes="",
        digest=digest(name.encode()),
    )


def swapper(name: str, recogniser: str, converter: str = "", *saved: bytes, urls: Sequence[str] = ()) -> Model:
    """A network that needs others."""
    picture = PictureIn(128, Colour.RGB, Layout.NCHW, (0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
    contract = SwapperContract(
        picture=picture,
        alignment=Alignment(Template.ARCFACE_128),
        result=PictureOut(0.0, 1.0, Colour.RGB, Layout.NCHW),
        identity=IdentityRule(IdentityKind.EMBEDDING, recogniser, converter),
        own_mask=False,
    )
    made = network(name, *saved, urls=urls)
    inputs, outputs = {"target": PICTURE, "source": VECTOR}, {"image": PICTURE}
    return replace(made, task=Task.SWAP, contract=contract, inputs=inputs, outputs=outputs)
