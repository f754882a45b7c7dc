"""From files on a disk to a picture: registered, locked, checked, loaded and drawn, with the network cut off."""

import socket
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

from livecam.config import Paths  # noqa: E402 - after the skip
from livecam.errors import StudioError  # noqa: E402
from livecam.studio import published  # noqa: E402
from livecam.studio.backends import caps_of  # noqa: E402
from livecam.studio.engines.flux1 import load  # noqa: E402
from livecam.studio.engines.tiny_models import save  # noqa: E402
from livecam.studio.layouts import BASE, Layout, Part  # noqa: E402
from livecam.studio.offline import SWITCHES, go_offline  # noqa: E402
from livecam.studio.published import LAYOUTS  # noqa: E402
from livecam.studio.registering import ACCEPTED, look, register  # noqa: E402
from livecam.studio.terms import Device, Sampling, Slot, Weights  # noqa: E402
from livecam.studio.weights import weights_of  # noqa: E402
from tests.studio.engines.people import SIDE, middle, of, photo  # noqa: E402


def any_width(layout: Layout) -> Layout:
    """`layout`, whose files may be of any width: all else must be as published."""

    def loose(part: Part) -> Part:
        folder = part.folder and replace(part.folder, form=None)
        return replace(part, forms=tuple(replace(form, shapes={}) for form in part.forms[-1:]), folder=folder)

    components = tuple(replace(component, form=None) for component in layout.components)
    parts = {name: loose(part) for name, part in layout.parts.items()}
    return replace(layout, components=components, parts=MappingProxyType(parts))


@pytest.fixture
def unplugged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No socket leads anywhere; what tried is noted."""
    tried: list[str] = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(str(arguments[-1:]))
        raise OSError("there is no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    return tried


def test_a_registered_backend_draws_without_trying_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unplugged: list[str]
) -> None:
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": any_width(LAYOUTS["flux1"])})
    go_offline(imported=())
    made = save(tmp_path / "models")
    paths = Paths(tmp_path / "config", tmp_path / "data", tmp_path / "cache")
    slots = {str(slot): path for slot, path in made.adapters.items()}
    register(look("flux1", {BASE: made.base, **slots, **made.extras}), paths, ACCEPTED)
    weights = weights_of("flux1", paths, fresh=True)
    assert weights == Weights(made.base, made.adapters, made.extras)
    (made.base / "vae" / "more.json").write_text("{}")
    with pytest.raises(StudioError, match="holds a file that was not registered"):
        weights_of("flux1", paths)
    backend = load(weights, caps_of("tiny"), Device("cpu"))
    image = backend.inpaint(photo(0), middle(), of(1, *Slot), Sampling(1, 0.75, 1), lambda *_: None)
    backend.close()
    assert image.shape == (SIDE, SIDE, 3)
    assert unplugged == []
