"""From a verified plan to TensorRT's own objects."""

import logging
from dataclasses import dataclass

from livecam.errors import EngineError
from livecam.inference.plan_file import Sealed
from livecam.inference.plan_key import Flavour
from livecam.inference.tensorrt_api import Context, CudaEngine, Logger, Runtime, RuntimeCache
from livecam.inference.tensorrt_build import native_logger
from livecam.inference.toolkits import NAMES, Toolkit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """TensorRT's own objects; each needs those before it for as long as it lives.

    Attributes:
        runtime: With its logger.
        engine: The plan.
        cache: What TensorRT for RTX compiled; None for full TensorRT.
        context: Of one stream.
    """

    runtime: tuple[Logger, Runtime]
    engine: CudaEngine
    cache: RuntimeCache | None
    context: Context


def load_context(plan: Sealed, kit: Toolkit, held: bytes, name: str) -> Loaded:
    """The plan of the network `name`, ready to be given memory.

    Args:
        plan: Verified.
        kit: The TensorRT it was built with.
        held: The content of a runtime cache of TensorRT for RTX; empty for none.
        name: For messages.

    Raises:
        EngineError: The plan does not run on this card, or the card's memory does not suffice.
    """
    logger = native_logger(kit)
    runtime: Runtime = kit.module.Runtime(logger)
    if kit.flavour is Flavour.RTX:
        valid, reasons = runtime.get_engine_validity(plan.payload)
        if valid == kit.module.EngineValidity.INVALID:
            raise EngineError(f"{NAMES[kit.flavour]} {kit.version} does not run the plan of {name} here: {reasons}.")
    engine = runtime.deserialize_cuda_engine(plan.payload)
    if engine is None:
        raise EngineError(f"{NAMES[kit.flavour]} {kit.version} cannot load the plan of {name}: {logger.told()}.")
    cache, config = None, engine.create_runtime_config()
    config.set_execution_context_allocation_strategy(kit.module.ExecutionContextAllocationStrategy.USER_MANAGED)
    if kit.flavour is Flavour.RTX:
        cache = config.create_runtime_cache()
        if held and not cache.deserialize(held):
            log.info("What was compiled of %s before is for another card or driver; it is compiled again.", name)
        config.set_runtime_cache(cache)
    context = engine.create_execution_context(config)
    if context is None:
        raise EngineError(f"The memory of the graphics card does not suffice for {name}.", "Close other programs.")
    return Loaded((logger, runtime), engine, cache, context)
