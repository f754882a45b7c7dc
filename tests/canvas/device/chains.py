"""The same networks on both sides: a chain on the processor, and one on a card over the host's memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

import cv2
import numpy as np
import onnx
from onnx import helper

from livecam.bench.standins import plant_enhancer
from livecam.canvas.cpu import CpuCanvas
from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.mask import DeviceMaskers, MaskNetwork
from livecam.canvas.device.sharpen import EnhanceNetwork
from livecam.canvas.device.stage import SwapNetwork
from livecam.canvas.device.swapper import DeviceSwapper
from livecam.core.face import Face
from livecam.core.frame import Frame, Image, Size
from livecam.core.persona import Persona
from livecam.core.seams import Engine, Tensor
from livecam.core.settings import Settings
from livecam.inference.onnx import load_model_engine
from livecam.vision.contract import EnhancerContract, MaskerContract, SwapperContract
from livecam.vision.enhance import Enhancer
from livecam.vision.mask.bisenet import RegionMasker
from livecam.vision.mask.steady import SteadyMasker
from livecam.vision.mask.xseg import OcclusionMasker
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.keeper import Keeper
from livecam.vision.swap.masks import Maskers, PlacedMasker
from livecam.vision.swap.stage import CropSwapper
from tests.canvas.host_device import HostDevice, HostEngine, host_library
from tests.vision.swap import planted
from tests.vision.swap.conftest import Spoilt, face_of, five_at, persona_of, source_of

STEP_NS = 33_333_333
SIZE = Size(640, 360)
FACE = face_of(five_at(320, 180, 200, 12))

Spoil = Callable[[str, Tensor], Tensor]


def scene(seed: int = 3) -> Image:
    """(360, 640, 3): soft colours, none of them near black or white."""
    noise = np.random.default_rng(seed).integers(0, 256, (23, 40, 3), dtype=np.uint8)
    return (cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC) // 2 + 64).astype(np.uint8)


def xseg(path: Path) -> Path:
    """An occlusion network that takes what is dark for something before the face; its edges are soft."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["grey"], axes=[3], keepdims=1),
        helper.make_node("Mul", ["grey", "gain"], ["steep"]),
        helper.make_node("Add", ["steep", "bias"], ["output"]),
    ]
    weights = {"gain": np.array(4, np.float32), "bias": np.array(-0.9, np.float32)}
    ins, outs = [planted.value("input", [1, 256, 256, 3])], [planted.value("output", [1, 256, 256, 1])]
    return planted.save(path, nodes, ins, outs, weights)


def bisenet(path: Path) -> Path:
    """A face parser that takes the left fifth of every crop for hair (17), the rest for skin (1)."""
    logits = np.zeros((1, 19, 512, 512), np.float32)
    logits[:, 1], logits[:, 17, :, :102] = 1, 3
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["grey"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["grey", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "planted"], ["output"]),
    ]
    tensors = {"nothing": np.array(0, np.float32), "planted": logits}
    ins, outs = [planted.value("input", [1, 3, 512, 512])], [planted.value("output", [1, 19, 512, 512])]
    return planted.save(path, nodes, ins, outs, tensors)


@dataclass(slots=True)
class How:
    """Which chain."""

    swapper: str = "inswapper_128"
    boost: int = 1
    batch: int = 1
    enhancer: str | None = None
    small: str | None = None
    occlusion: bool = False
    regions: bool = False
    placed: tuple[PlacedMasker, ...] = ()
    colour: float = 1.0
    half: bool = False
    sharpens: bool = False
    gain: float = -0.8
    bias: float = 0.9
    spoil: Mapping[str, Spoil] = field(default_factory=dict)


class Worn(TypedDict, total=False):
    """By whom, what, and how much of it is sharpened."""

    face: Face
    persona: Persona
    blend: float


class Rig:
    """Builds both chains from the same files, and a frame's way through each."""

    def __init__(self, device: HostDevice, folder: Path, how: How) -> None:
        self.device, self.folder, self.how = device, folder, how
        self.now_ns = 0
        self.library = host_library(device)
        self.canvas = CudaCanvas(device, self.library)
        self.engines: dict[str, HostEngine] = {}
        self.spoilt: list[Spoilt] = []
        self.cpu_canvas = CpuCanvas()

    def engine(self, name: str, path: Path) -> Engine:
        loaded = load_model_engine(planted.model(name), path, threads=1, batch=self.how.batch if "swap" in name else 1)
        if name not in self.how.spoil:
            return loaded
        self.spoilt.append(Spoilt(loaded, self.how.spoil[name]))
        return self.spoilt[-1]

    def on_card(self, name: str, path: Path) -> HostEngine:
        self.engines[name] = HostEngine(self.device, self.engine(name, path), half=self.how.half)
        return self.engines[name]

    def swapper_file(self) -> Path:
        contract = planted.model(self.how.swapper).contract
        assert isinstance(contract, SwapperContract)
        side = contract.picture.side
        mask = None
        if contract.own_mask:
            mask = cv2.GaussianBlur(np.pad(np.ones((side - 60, side - 60)), 30), (0, 0), 8)
        path = self.folder / f"{self.how.swapper}.onnx"
        emap = planted.EMAP if self.how.swapper == "inswapper_128" else None
        how = {"gain": self.how.gain, "bias": self.how.bias, "low": contract.result.low, "mask": mask, "emap": emap}
        return planted.swapper(path, side, **how)  # type: ignore[arg-type]

    def enhancer_file(self, name: str) -> Path:
        contract = planted.model(name).contract
        assert isinstance(contract, EnhancerContract)
        path, side, weighted = self.folder / f"{name}.onnx", contract.picture.side, contract.fidelity is not None
        if self.how.sharpens:
            onnx.save(plant_enhancer(side, 0.15, weighted), path)
            return path
        return planted.enhancer(path, side, gain=1.05, bias=0.15, weighted=weighted)

    def cpu(self, keeper: Keeper | None = None) -> StageSwapper:
        how = self.how
        contract = planted.model(how.swapper).contract
        assert isinstance(contract, SwapperContract)
        stage = CropSwapper(self.engine(how.swapper, self.swapper_file()), contract, how.boost)
        before = self._cpu_masker("xseg_1", xseg, OcclusionMasker) if how.occlusion else ()
        after = self._cpu_masker("bisenet_resnet_18", bisenet, RegionMasker) if how.regions else ()
        maskers = Maskers(before=before, placed=how.placed, after=after)
        sharp, small = (self._cpu_enhancer(name) for name in (how.enhancer, how.small))
        return StageSwapper(how.swapper, stage, maskers, sharp, how.colour, self._clock, small, keeper=keeper)

    def card(self, keeper: Keeper | None = None) -> DeviceSwapper:
        return self.made(self.networks(), keeper)

    def networks(self) -> tuple[SwapNetwork, DeviceMaskers, EnhanceNetwork | None, EnhanceNetwork | None]:
        """Everything that is loaded on the card."""
        how = self.how
        contract = planted.model(how.swapper).contract
        assert isinstance(contract, SwapperContract)
        network = SwapNetwork(self.on_card(how.swapper, self.swapper_file()), contract, how.boost)
        before = (self._masker("xseg_1", xseg),) if how.occlusion else ()
        after = (self._masker("bisenet_resnet_18", bisenet),) if how.regions else ()
        maskers = DeviceMaskers(before=before, placed=how.placed, after=after)
        return network, maskers, self._enhancer(how.enhancer), self._enhancer(how.small)

    def made(
        self,
        networks: tuple[SwapNetwork, DeviceMaskers, EnhanceNetwork | None, EnhanceNetwork | None],
        keeper: Keeper | None = None,
    ) -> DeviceSwapper:
        """The swapper over them."""
        network, maskers, sharp, small = networks
        how = self.how
        return DeviceSwapper(self.canvas, how.swapper, network, maskers, sharp, how.colour, self._clock, small, keeper)

    def on_cpu(self, swapper: StageSwapper, image: Image, **worn: Unpack[Worn]) -> Image:
        """The frame after the swap, as it is stored."""
        self.cpu_canvas.load(Frame(image.copy(), 1, 1))
        self._wear(swapper, self.cpu_canvas, **worn)
        picture = np.empty(Size(image.shape[1], image.shape[0]).picture_shape, np.uint8)
        self.cpu_canvas.store(picture)
        return picture

    def on_the_card(self, swapper: DeviceSwapper, image: Image, **worn: Unpack[Worn]) -> Image:
        """Likewise."""
        self.canvas.load(Frame(image.copy(), 1, 1))
        self._wear(swapper, self.canvas, **worn)
        return self.stored(image)

    def bare(self, image: Image) -> Image:
        """The frame as the card stores it, with nobody swapped."""
        self.canvas.load(Frame(image.copy(), 1, 1))
        return self.stored(image)

    def stored(self, image: Image) -> Image:
        picture = np.empty(Size(image.shape[1], image.shape[0]).picture_shape, np.uint8)
        self.canvas.store(picture)
        return picture

    def _clock(self) -> int:
        return self.now_ns

    def _wear(
        self,
        swapper: StageSwapper | DeviceSwapper,
        canvas: CpuCanvas | CudaCanvas,
        face: Face = FACE,
        persona: Persona | None = None,
        blend: float = 0.7,
    ) -> None:
        persona = persona or persona_of(source_of(1, -0.4, 0.2), self.how.swapper)
        swapper(canvas, face, persona, Settings(blend=blend))  # type: ignore[arg-type]

    def _cpu_masker(
        self, name: str, make: Callable[[Path], Path], kind: type[OcclusionMasker] | type[RegionMasker]
    ) -> tuple[SteadyMasker]:
        contract = planted.model(name).contract
        assert isinstance(contract, MaskerContract)
        masker = kind(self.engine(name, make(self.folder / f"{name}.onnx")), contract)
        return (SteadyMasker(masker, self._clock),)

    def _masker(self, name: str, make: Callable[[Path], Path]) -> MaskNetwork:
        contract = planted.model(name).contract
        assert isinstance(contract, MaskerContract)
        return MaskNetwork(self.on_card(name, make(self.folder / f"{name}.onnx")), contract)

    def _cpu_enhancer(self, name: str | None) -> Enhancer | None:
        if name is None:
            return None
        contract = planted.model(name).contract
        assert isinstance(contract, EnhancerContract)
        return Enhancer(self.engine(name, self.enhancer_file(name)), contract)

    def _enhancer(self, name: str | None) -> EnhanceNetwork | None:
        if name is None:
            return None
        contract = planted.model(name).contract
        assert isinstance(contract, EnhancerContract)
        return EnhanceNetwork(self.on_card(name, self.enhancer_file(name)), contract)


def close(rig: Rig, swapper: DeviceSwapper) -> None:
    """Free everything on the card."""
    swapper.close()
    rig.canvas.close()
    for engine in rig.engines.values():
        engine.close()


def apart(one: Image, other: Image) -> tuple[int, float]:
    """Largest and mean difference of two pictures."""
    difference = np.abs(one.astype(int) - other)
    return int(difference.max()), float(difference.mean())
