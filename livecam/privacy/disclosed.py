"""What every swapped picture carries before it leaves: the invisible mark, then the visible label on top."""

import logging
import time
from collections.abc import Mapping

from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.privacy.label import Label
from livecam.privacy.laid import Laid
from livecam.privacy.watermark import Watermark

log = logging.getLogger(__name__)


class Disclosed:
    """A processor whose swapped pictures are marked, and labelled unless the settings say otherwise.

    A picture that was passed through is the camera's own, and carries neither; nor does the slate, which shows nobody.

    Args:
        inner: Makes the pictures.
        mark: Of their size; None where a policy forbids it.
        label: Of their size.
        laid: Which pictures were marked on a graphics card; those are not marked again.
    """

    def __init__(self, inner: Processor, mark: Watermark | None, label: Label, laid: Laid | None = None) -> None:
        self._laid = laid or Laid()
        self._inner = inner
        self._mark = mark
        self._label = label
        self._shown = True
        self._took_ns: dict[str, int] = {}

    def relabel(self, label: Label) -> None:
        """From the next picture on, show `label`, of the same size. Any thread."""
        self._label = label

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`."""
        self._tell(settings.label)
        self._took_ns.clear()
        # What was noted of a picture before this one in the same memory says nothing of this one.
        self._laid.forget(out)
        outcome = self._inner.process(frame, out, settings)
        if outcome is How.SWAPPED:
            self._disclose(out, frame.captured_ns, settings.label)
        return outcome

    def reset(self) -> None:
        """See `Processor`."""
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`. Mark and label are no matter of quality: no tier takes them away."""
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return {**self._inner.stages(), **self._took_ns}

    def _disclose(self, out: Picture, captured_ns: int, shown: bool) -> None:
        begun_ns = time.perf_counter_ns()
        if self._mark is not None and not self._laid.forget(out):
            self._mark(out, captured_ns)
            marked_ns = time.perf_counter_ns()
            self._took_ns["mark"] = marked_ns - begun_ns
            begun_ns = marked_ns
        if shown:
            self._label.draw(out)
            self._took_ns["label"] = time.perf_counter_ns() - begun_ns

    def _tell(self, shown: bool) -> None:
        if shown is self._shown:
            return
        self._shown = shown
        if shown:
            log.info("The label is on again.")
        else:
            log.warning(
                "The label is off: pictures leave without saying that they are modified by AI. "
                "Where the law asks for that, say it in another way."
            )
