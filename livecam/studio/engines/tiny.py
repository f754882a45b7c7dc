"""The backend ``tiny``: FLUX.1's form at a thousandth of a thousandth of its size, with random weights, made in memory.

It shows the flow and tests it; its pictures mean nothing and are marked TEST by whoever publishes them.
"""

import torch

from livecam.studio.backends import caps_of
from livecam.studio.engines.bases import networks_of
from livecam.studio.engines.flux1 import FluxBackend, load
from livecam.studio.engines.placing import dtype_of
from livecam.studio.engines.tiny_models import tiny_adapters, tiny_pipeline
from livecam.studio.terms import TINY, Device, Weights


def make(weights: Weights | None, device: Device) -> FluxBackend:
    """See `livecam.studio.terms.Make`; with `weights`, as `livecam.studio.engines.tiny_models.save` wrote them."""
    # Threads wait for each other longer than networks this small work: where cores are taken, forty times as long.
    torch.set_num_threads(1)
    caps = caps_of(TINY)
    if weights is not None:
        return load(weights, caps, device)
    pipeline, adapters = tiny_pipeline(), tiny_adapters()
    for part in (*networks_of(pipeline), *adapters.parts()):
        part.to(dtype_of(device))
    return FluxBackend(pipeline, adapters, caps, device)
