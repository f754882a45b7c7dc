"""How OBS is to show what livecam sends, with as little delay as OBS can do. Needs no vendor library."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from livecam.core.frame import Size

Value: TypeAlias = "str | int | float | bool"

MJPEG_OPTIONS = "framerate=60 fflags=nobuffer"
"""The MJPEG demuxer times pictures by this rate, and one above the sender's keeps OBS from falling behind: an age of
23-71 ms, where OBS without any options plays 25 pictures a second and falls behind by seconds."""

TS_OPTIONS = "fflags=nobuffer"

CAMERA_MS: Final = 40.0
WEB_MS: Final = 70.0
STREAM_MS: Final = 180.0
"""How much later than livecam sends them OBS shows pictures, ms; measured, see docs/obs.md."""

_EXACT: Final = "Colours are exact; leave Color Range as it is."


@dataclass(frozen=True, slots=True)
class ObsSettings:
    """The fields of a *Media Source* in OBS, with *Local File* cleared.

    Attributes:
        address: Field *Input*. It may hold a secret.
        input_format: Field *Input Format*.
        options: Field *FFmpeg Options*.
    """

    address: str
    input_format: str
    options: str

    def __str__(self) -> str:
        return (
            f"OBS: add a Media Source, clear Local File, Input {self.address} , Input Format {self.input_format} , "
            f"FFmpeg Options {self.options}"
        )


@dataclass(frozen=True, slots=True)
class ObsSource:
    """One way to show it in OBS.

    Attributes:
        way: ``camera``, ``web``, ``browser`` or ``stream``, as ``livecam obs setup --way`` takes it.
        title: What OBS calls this kind of source.
        kind: The same for obs-websocket; "" where it cannot add one.
        fields: What to enter where.
        settings: The same for obs-websocket. It may hold a secret.
        note: What else there is to know.
        later_ms: How much later than livecam sends them OBS shows pictures.
    """

    way: str
    title: str
    kind: str
    fields: tuple[tuple[str, str], ...]
    settings: Mapping[str, Value]
    note: str
    later_ms: float


def obs_settings(name: str) -> tuple[ObsSettings, ...]:
    """The settings for a sink called `name`, as `Sink.name` gives it; empty for one that is no stream."""
    kind, _, rest = name.partition(":")
    addresses = rest.partition(" ")[0]
    if kind == "web" and "/?" in addresses:
        return (ObsSettings(addresses.replace("/?", "/stream.mjpg?"), "mjpeg", MJPEG_OPTIONS),)
    if kind == "panel" and "/picture?" in addresses:
        return (ObsSettings(addresses.replace("/picture?", "/picture.mjpg?"), "mjpeg", MJPEG_OPTIONS),)
    if kind == "stream":
        return tuple(ObsSettings(address, "mpegts", TS_OPTIONS) for address in addresses.split(",") if address)
    return ()


def obs_sources(name: str, size: Size, system: str = sys.platform) -> tuple[ObsSource, ...]:
    """Every way to show a sink called `name`, as `Sink.name` gives it, that sends pictures of `size`; best first.

    Args:
        name: With its secret, where it has one. The panel's picture counts as one: ``panel:`` and its address.
        size: Of its pictures.
        system: That OBS runs on, as `sys.platform`.
    """
    kind, _, rest = name.partition(":")
    if kind in ("virtualcam", "v4l2"):
        return (_camera(rest.partition(" ")[0], size, system),)
    if kind == "pipewire":
        return (_pipewire(rest),)
    return tuple(_streams(kind, obs_settings(name), size))


def _streams(kind: str, all_settings: tuple[ObsSettings, ...], size: Size) -> Iterator[ObsSource]:
    for settings in all_settings:
        later_ms = STREAM_MS if kind == "stream" else WEB_MS
        way = "stream" if kind == "stream" else "web"
        yield ObsSource(way, "Media Source", "ffmpeg_source", _entered(settings), _media(settings), _EXACT, later_ms)
        if kind == "panel":
            yield _browser(settings.address.replace("/picture.mjpg?", "/picture?"), size)
        elif kind == "web":
            yield _browser(settings.address, size)


def _entered(settings: ObsSettings) -> tuple[tuple[str, str], ...]:
    return (
        ("Local File", "off"),
        ("Input", settings.address),
        ("Input Format", settings.input_format),
        ("FFmpeg Options", settings.options),
        ("Reconnect Delay", "1 s"),
        ("Restart playback when source becomes active", "off"),
    )


def _media(settings: ObsSettings) -> dict[str, Value]:
    return {
        "is_local_file": False,
        "input": settings.address,
        "input_format": settings.input_format,
        "ffmpeg_options": settings.options,
        # Network buffering, for what is on this machine already; some versions of OBS refuse 0.
        "buffering_mb": 1,
        "reconnect_delay_sec": 1,
        "restart_on_activate": False,
        "close_when_inactive": False,
        "clear_on_media_end": True,
        "hw_decode": False,
    }


def _browser(address: str, size: Size) -> ObsSource:
    fields = (
        ("Local file", "off"),
        ("URL", address),
        ("Width", str(size.width)),
        ("Height", str(size.height)),
        ("Shutdown source when not visible", "on"),
    )
    settings: dict[str, Value] = {
        "is_local_file": False,
        "url": address,
        "width": size.width,
        "height": size.height,
        "shutdown": True,
    }
    return ObsSource("browser", "Browser", "browser_source", fields, settings, _EXACT, WEB_MS)


_CAMERAS: Final[Mapping[str, tuple[str, str]]] = {
    "linux": ("Video Capture Device (V4L2)", "v4l2_input"),
    "win32": ("Video Capture Device", ""),
    "darwin": ("Video Capture Device", ""),
}
"""By system: what OBS calls a camera, and obs-websocket where a device's name alone is enough to choose it."""


def _camera(device: str, size: Size, system: str) -> ObsSource:
    title, kind = _CAMERAS.get(system, _CAMERAS["win32"])
    linux = system == "linux"
    fields = (
        ("Device", device or "livecam"),
        *((("Video Format", "YUV 4:2:0 (I420)"), ("Use Buffering", "off")) if linux else ()),
        ("Resolution", f"{size.width}x{size.height}"),
        ("Color Range", "Limited, or Default"),
    )
    # A device is chosen by its path, and a label may change hands.
    known = kind if device.startswith("/dev/") else ""
    settings: dict[str, Value] = {"device_id": device, "buffering": False, "auto_reset": True}
    note = (
        "OBS takes cameras for BT.709; livecam writes BT.601 unless the sink says ?matrix=709, which is for OBS alone."
        if linux
        else "OBS cannot show its own virtual camera: use another sink there."
    )
    return ObsSource("camera", title, known, fields, settings, note, CAMERA_MS)


def _pipewire(label: str) -> ObsSource:
    fields = (("Device", label),)
    note = "From OBS 30.1 on. The desktop asks once whether OBS may use the camera."
    return ObsSource("camera", "Video Capture Device (PipeWire)", "", fields, {}, note, CAMERA_MS)
