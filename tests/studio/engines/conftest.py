"""What all tests of the engines share."""

import gc
from collections.abc import Iterator
from importlib.util import find_spec

import pytest


@pytest.fixture(scope="session", autouse=True)
def _torch_on_one_thread() -> Iterator[None]:
    """Tiny networks are slower on many threads, and other tests run beside them."""
    if find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def _no_sweep() -> Iterator[None]:
    """Closing a backend collects garbage, which takes a fifth of a second with torch and diffusers in the process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: 0)
        yield


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers get no values: where shapes alone count, drawing them takes most of the time, on the meta device too."""
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    for kind in (nn.Linear, nn.Embedding, _ConvNd):
        monkeypatch.setattr(kind, "reset_parameters", lambda _: None)
