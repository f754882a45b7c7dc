"""What ``auto`` means on this machine: a real camera and the virtual camera where they are, else what needs neither."""

import logging
import sys
from importlib.util import find_spec
from typing import Final

from livecam.config import Config, Paths
from livecam.core.spec import Spec, parse_spec

log = logging.getLogger(__name__)

SHORT_RECORDING_S: Final = 20


def choose_source(spec: Spec) -> Spec:
    """`spec`; for ``auto`` the first real camera, else the demo face."""
    if spec.kind != "auto":
        return spec
    from livecam.capture.camera import list_cameras  # looks at devices: only when asked to choose

    cameras = [camera for camera in list_cameras() if not camera.virtual and not camera.problem]
    return parse_spec(f"camera:{cameras[0].path}") if cameras else parse_spec("synthetic")


def choose_sinks(config: Config, paths: Paths) -> tuple[Spec, ...]:
    """The sinks of `config`, ``auto`` being the virtual camera, else PipeWire's, else preview and recording."""
    chosen: list[Spec] = []
    for spec in config.output.sinks:
        chosen.extend([spec] if spec.kind != "auto" else _auto_sinks(config, paths))
    return tuple(chosen)


def _auto_sinks(config: Config, paths: Paths) -> list[Spec]:
    if sys.platform == "linux" or find_spec("pyvirtualcam") is not None:
        from livecam.output.devices import list_outputs  # looks at devices: only when asked to choose
        from livecam.output.outputs import best

        if best(list_outputs()) is not None:
            return [parse_spec("virtualcam")]
    if _has_pipewire():
        return [parse_spec("pipewire")]
    from livecam.app.consented import may_be_recorded

    if not may_be_recorded(paths.personas, (config.face.persona, *(name for _, name in config.people.worn if name))):
        log.info("There is no short recording: the consent for who is worn is not for recordings.")
        return [parse_spec("web")]
    folder = config.output.recordings or paths.recordings
    recording = f"record:{folder / 'livecam-{time}.mp4'}?seconds={SHORT_RECORDING_S}"
    return [parse_spec("web"), parse_spec(recording)]


def _has_pipewire() -> bool:
    """Whether a camera can be made there: a session answers, and GStreamer has what feeds it."""
    if sys.platform != "linux":
        return False
    from livecam.output.pipewire_setup import probe  # asks GStreamer: only when asked to choose

    return probe().ready
