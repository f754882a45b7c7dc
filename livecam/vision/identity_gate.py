"""The identity gate: a sharper face must not be less the persona's. Live it limits how much of an enhancer shows.

Plain numbers, no network and no image: whoever has a recogniser tells it cosines.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

SLACK: Final = 0.02
"""A cosine has fallen when it is lower by more than this; recognisers move by as much when a picture is resampled."""

STEP: Final = 0.1
"""By so much a blend goes down at a look; half of it goes up."""

_CALM: Final = SLACK / 2
_PATIENCE: Final = 5
_FORGET: Final = 300
_KEYS: Final = 256
_WHOLE: Final = 1.0
_APART: Final = STEP / 4
"""Nearer blends are one: sums of steps are not exact."""


def accepts(before: float, after: float, slack: float = SLACK) -> bool:
    """Whether a cosine of `after` is no fall from `before`, -1..1 both; what is no number is one."""
    return after >= before - slack


class Key(NamedTuple):
    """What a limit holds for.

    Attributes:
        persona: Digest of what is worn.
        enhancer: What sharpens.
    """

    persona: str
    enhancer: str


class _Limit:
    """The limit of one persona under one enhancer.

    A look at a blend under which the cosine falls makes that blend a refused one, and the limit lies a step below it.
    Where the cosine holds well for a few looks the limit goes up by half a step, but never up to a refused blend: so a
    limit that has been found stays. What was refused is forgotten after many looks, since light and pose change.
    """

    def __init__(self) -> None:
        self.blend = _WHOLE
        self._refused = 2 * _WHOLE
        self._calm = 0
        self._since = 0

    def look(self, shown: float, before: float, after: float) -> None:
        """Take what was seen while `shown` of the enhancer was to be seen."""
        self._since += 1
        if self._since > _FORGET:
            self._refused = 2 * _WHOLE
        if not accepts(before, after):
            self._refused, self._calm, self._since = min(self._refused, shown), 0, 0
            self.blend = min(self.blend, max(0.0, shown - STEP))
            return
        self._calm = self._calm + 1 if accepts(before, after, _CALM) else 0
        risen = min(_WHOLE, self.blend + STEP / 2)
        if self._calm >= _PATIENCE and risen < self._refused - _APART:
            self.blend, self._calm = risen, 0


class IdentityGate:
    """Limits the blend of enhancers, for each persona and enhancer by itself.

    One thread looks; any other may ask what is allowed meanwhile, which is one look-up of a number.
    """

    def __init__(self) -> None:
        self._limits: OrderedDict[Key, _Limit] = OrderedDict()

    def allowed(self, key: Key, asked: float) -> float:
        """How much of the enhancer may show, 0..`asked`, where `asked` is what the user wants, 0..1."""
        limit = self._limits.get(key)
        return asked if limit is None else min(asked, limit.blend)

    def look(self, key: Key, shown: float, before: float, after: float) -> None:
        """Take what a recogniser saw.

        Args:
            key: Whom, under what.
            shown: How much of the enhancer was to be seen, 0..1.
            before: Cosine of the swapped face to the persona without the enhancer, -1..1.
            after: With it.
        """
        limit = self._limits.setdefault(key, _Limit())
        self._limits.move_to_end(key)
        if len(self._limits) > _KEYS:
            self._limits.popitem(last=False)
        limit.look(shown, before, after)
