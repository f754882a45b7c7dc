"""Drivers by name. A module is imported only when configuration names it; third parties add theirs by entry point."""

import difflib
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Final, cast

from livecam.core.seams import Clock, Sink, Source
from livecam.core.spec import SinkWish, SourceWish, Spec
from livecam.errors import ConfigError, ExtraMissing

SOURCES: Final[Mapping[str, str]] = {
    "camera": "livecam.capture.camera:make",
    "file": "livecam.capture.file:make",
    "stream": "livecam.capture.stream:make",
    "synthetic": "livecam.capture.synthetic:make",
}
"""Each names a ``make(spec, wish, clock) -> Source``."""

SINKS: Final[Mapping[str, str]] = {
    "virtualcam": "livecam.output.virtualcam:make",
    "v4l2": "livecam.output.v4l2:make",
    "record": "livecam.output.record:make",
    "stamps": "livecam.output.stamps:make",
    "stream": "livecam.output.stream:make",
    "web": "livecam.output.web:make",
    "memory": "livecam.output.memory:make",
    "null": "livecam.output.null:make",
    "pipewire": "livecam.output.pipewire:make",
}
"""Each names a ``make(spec, wish) -> Sink``."""

EXTRAS: Final[Mapping[str, str]] = {"virtualcam": "vcam"}
"""The optional dependency a driver needs."""

SOURCE_GROUP: Final = "livecam.sources"
SINK_GROUP: Final = "livecam.sinks"

MakeSource = Callable[[Spec, SourceWish, Clock], Source]
MakeSink = Callable[[Spec, SinkWish], Sink]


def make_source(spec: Spec, wish: SourceWish, clock: Clock) -> Source:
    """The source that `spec` names.

    Raises:
        ConfigError: No driver has that name, or the spec does not suit it.
        ExtraMissing: The driver's package is not installed.
    """
    make = cast(MakeSource, _find("source", SOURCES, SOURCE_GROUP, spec.kind))
    return make(spec, wish, clock)


def make_sink(spec: Spec, wish: SinkWish) -> Sink:
    """The sink that `spec` names.

    Raises:
        ConfigError: No driver has that name, or the spec does not suit it.
        ExtraMissing: The driver's package is not installed.
    """
    make = cast(MakeSink, _find("sink", SINKS, SINK_GROUP, spec.kind))
    return make(spec, wish)


def _find(what: str, registry: Mapping[str, str], group: str, kind: str) -> object:
    # Third parties' are looked for in the files of every package installed: not for a driver of our own.
    places = registry if kind in registry else {**_third_parties(group), **registry}
    if kind not in places:
        near = difflib.get_close_matches(kind, places, 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(places))}."
        raise ConfigError(f"There is no {what} named {kind!r}.", hint)
    module, _, name = places[kind].partition(":")
    return vars(_import(module, kind))[name]


def _third_parties(group: str) -> dict[str, str]:
    from importlib.metadata import entry_points  # slow to import

    return {point.name: point.value for point in entry_points(group=group)}


def _import(module: str, kind: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(kind)
        if extra is None:
            raise
        text = f"{kind} needs the package {error.name!r}, which is not installed."
        raise ExtraMissing(text, f"Install it with: pip install 'livecam[{extra}]'") from error
