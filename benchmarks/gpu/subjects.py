"""The networks under test: stand-ins of the published size, with drawn weights, written where they are needed."""

import threading
from dataclasses import dataclass
from pathlib import Path

from livecam.bench import standins
from livecam.core.device import Device, DeviceEngine
from livecam.core.seams import Engine
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.files import sha256_of
from livecam.inference.graph import FREE, input_shapes, read_graph
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.plan_build import Terms, obtain_plan
from livecam.inference.plan_key import Flavour
from livecam.inference.plan_request import request_for
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Silent
from livecam.inference.tensorrt_device import device_engine
from livecam.inference.toolkits import Toolkit

# Side of a detector's picture whose file leaves it free.
_PICTURE_PX = 640

NETWORKS = ("scrfd_10g", "inswapper_128", "hyperswap_1a_256", "gpen_bfr_256", "gpen_bfr_512", "gfpgan_1.4", "xseg_1")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where stand-ins and plans lie for as long as the probe runs.

    Attributes:
        folder: For both.
        divisor: What the widths of all layers are divided by; 1 is the published size.
    """

    folder: Path
    divisor: int = 1

    def model(self, name: str) -> Model:
        """The shipped recipe."""
        return load_model(name, catalogue_folders(None))

    def file(self, name: str) -> Path:
        """The stand-in; written when it is first asked for."""
        path = self.folder / f"{name}-{self.divisor}.onnx"
        if not path.exists():
            standins.write(name, path, self.divisor)
        return path

    def cost(self, name: str) -> standins.Totals:
        """Operations and weights of one run."""
        path = self.file(name)
        sizes = {
            port: tuple(_PICTURE_PX if place and side == FREE else max(side, 1) for place, side in enumerate(shape))
            for port, shape in input_shapes(read_graph(path)).items()
        }
        return standins.count_file(path, sizes)

    def on_onnx_runtime(self, name: str, provider: str, threads: int | None = None) -> Engine:
        """The network through the computer's memory."""
        return load_model_engine(self.model(name), self.file(name), provider, threads=threads)

    def compiled(self, name: str, kit: Toolkit, device: Device) -> DeviceEngine:
        """The network compiled in 16 bit, on the card.

        Raises:
            EngineError: It cannot be compiled, or does not run there.
        """
        model, plans = self.model(name), PlanCache(self.folder / "plans")
        # Plans of full TensorRT are for one card and driver.
        card = device.card() if kit.flavour is Flavour.TENSORRT else ""
        path = self.file(name)
        request = request_for(model, path, sha256_of(path), catalogue_folders(None), flavour=kit.flavour, card=card)
        plan = obtain_plan(plans, request, model, kit.version, Silent(), Terms(threading.Event()))
        return device_engine(model, plan, kit, device, plans)
