"""Drivers are found by name, imported when named, and missing extras are said in a sentence."""

import re
import sys
from importlib import import_module

import pytest

from livecam.app.registry import SINKS, SOURCES, make_sink, make_source
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.spec import SinkWish, SourceWish, parse_spec
from livecam.errors import ConfigError, ExtraMissing

WISH = SourceWish(Size(640, 480), 30)


@pytest.mark.parametrize("place", [*SOURCES.values(), *SINKS.values()])
def test_every_registered_driver_exists(place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(vars(import_module(module))[name])


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no source named 'camra'. Did you mean camera\?"):
        make_source(parse_spec("camra:0"), WISH, MonotonicClock())
    with pytest.raises(ConfigError, match=re.escape("no sink named 'zzz'. Known: memory, null, pipewire, record")):
        make_sink(parse_spec("zzz"), SinkWish())


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    monkeypatch.delitem(sys.modules, "livecam.output.pyvcam", raising=False)
    with pytest.raises(ExtraMissing, match=r"livecam\[vcam\]"):
        make_sink(parse_spec("virtualcam?backend=obs"), SinkWish())
