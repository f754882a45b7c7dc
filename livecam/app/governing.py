"""The governor of a run, made for what swaps, and made anew when that or its settings change."""

from collections.abc import Callable
from dataclasses import replace

from livecam.app.presets import Presets
from livecam.config import Config, GovernorConfig
from livecam.core.frame import NS_PER_MS
from livecam.core.ladder import Ladder, ladder_for
from livecam.runtime.governor import Governor, Rules


class Governing:
    """Says who governs.

    Args:
        config: Section ``governor``.
        presets: What swaps; its networks are what can be given up.
        govern: Takes another governor; None for none.
    """

    def __init__(
        self, config: GovernorConfig, presets: Presets, govern: Callable[[Governor | None], None] = lambda _: None
    ) -> None:
        self._config = config
        self._presets = presets
        self.govern = govern

    def made(self) -> Governor | None:
        """A governor for what swaps now; None where nothing can be given up."""
        ladder = ladder_of(replace(self._presets.current.config, governor=self._config))
        if ladder is None:
            return None
        budgets = (int(budget * NS_PER_MS) for budget in (self._config.budget_ms, self._config.age_budget_ms))
        return Governor(ladder, Rules(*budgets))

    def renew(self) -> None:
        """Something else swaps. Any thread."""
        self.govern(self.made())

    def follow(self, config: Config) -> str:
        """Govern as `config` says from now on; what now holds. Any thread."""
        self._config = config.governor
        self.renew()
        if not config.governor.enabled:
            return "Nothing is given up under load."
        return f"Quality is given up from {config.governor.budget_ms:g} ms a frame on."


def ladder_of(config: Config) -> Ladder | None:
    """What can be given up under load; None for nothing.

    The embedded mesh follows the face, so that no detector runs on every frame, and there is none to slow down.
    """
    chain = config.neural.chain
    if not config.governor.enabled:
        return None
    ladder = ladder_for(
        enhancer=bool(chain.enhancer),
        small_enhancer=bool(chain.small_enhancer),
        mask=bool(chain.occlusion or chain.regions or config.face.hands),
    )
    return ladder if ladder.bottom else None
