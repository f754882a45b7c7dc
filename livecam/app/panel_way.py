"""The panel as a way in to a run, where the configuration wants it; what it needs is imported only then."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from livecam.config import Config, Paths
from livecam.control.desk import Desk, Json
from livecam.core.seams import Processor

if TYPE_CHECKING:
    from livecam.app.panel import PanelPart, Watched
    from livecam.app.taps import CameraTap

log = logging.getLogger(__name__)


class PanelWay:
    """The panel of one run.

    Args:
        config: Section ``panel``.
        paths: Where files are kept.
        doctor_flags: Flags of this run, for the doctor's page.
    """

    def __init__(self, config: Config, paths: Paths, doctor_flags: Sequence[str] = ()) -> None:
        self._config = config
        self._paths = paths
        self._doctor_flags = tuple(doctor_flags)
        self._camera: CameraTap | None = None
        self._part: PanelPart | None = None
        if config.panel.enabled:
            from livecam.app import taps  # brings OpenCV, which the slate does not wait for otherwise

            self._camera = taps.CameraTap()

    def wrap(self, processor: Processor) -> Processor:
        """`processor`, with its frames shown to the panel where there is one."""
        if self._camera is None:
            return processor
        from livecam.app.taps import InputTap

        return InputTap(processor, self._camera)

    @property
    def url(self) -> str:
        """To be opened in a browser; it holds the secret. "" while there is no panel."""
        return self._part.url if self._part is not None else ""

    @property
    def watched(self) -> bool:
        """Whether somebody watches one of its previews. Any thread."""
        return self._part is not None and self._part.watched

    def open(self, run: "Watched", desk: Desk, status: Callable[[], Mapping[str, Json]]) -> None:
        """Open the panel, where one is wanted.

        Args:
            run: What is shown.
            desk: Where orders go.
            status: How the run goes.

        Raises:
            ConfigError: No port is free.
        """
        if self._camera is None:
            return
        from livecam.app.panel import PanelPart

        part = PanelPart(run, desk, status, self._camera, self._config, self._paths, self._doctor_flags)
        part.start()
        self._part = part
        log.info("The picture alone, as a browser source for OBS: %s", part.picture_url)

    def stop(self) -> None:
        """Close it. Idempotent."""
        part, self._part = self._part, None
        if part is not None:
            part.stop()
