"""Who governs fits what swaps, and follows its settings."""

from dataclasses import replace
from typing import cast

from livecam.app.governing import Governing, ladder_of
from livecam.app.presets import Presets
from livecam.config import Config, FaceConfig, GovernorConfig, NeuralConfig, PresetName
from livecam.core.frame import NS_PER_MS
from livecam.core.ladder import FULL
from livecam.runtime.governor import Governor

QUALITY = replace(Config(), neural=NeuralConfig(preset=PresetName.QUALITY))


class PretendPresets:
    """Serves what it is told to."""

    class current:  # noqa: N801 - stands for an attribute
        config = Config()


def names(config: Config) -> list[str]:
    ladder = ladder_of(config)
    return [tier.name for tier in ladder.tiers] if ladder is not None else []


def test_what_is_there_can_be_given_up() -> None:
    assert names(Config()) == [FULL, "mask off"]
    assert names(QUALITY) == [FULL, "enhancer every 2nd frame", "mask off"]
    assert names(replace(Config(), face=FaceConfig(hands=False))) == []
    assert names(replace(QUALITY, governor=GovernorConfig(enabled=False))) == []


def test_another_preset_and_other_settings_have_another_governor() -> None:
    presets, made = PretendPresets(), list[Governor | None]()
    governing = Governing(GovernorConfig(), cast(Presets, presets), made.append)
    first = governing.made()
    assert first is not None
    assert first.observe(47 * NS_PER_MS, 0, 0) is None
    presets.current.config = QUALITY
    governing.renew()
    slow = replace(Config(), governor=GovernorConfig(budget_ms=10.0))
    assert governing.follow(slow) == "Quality is given up from 10 ms a frame on."
    off = replace(Config(), governor=GovernorConfig(enabled=False))
    assert governing.follow(off) == "Nothing is given up under load."
    presets.current.config = Config()
    governing.renew()
    renewed, followed, nobody, still = made
    assert nobody is still is None
    for governor, steps in ((renewed, 0), (followed, 1)):
        assert governor is not None
        taken = [governor.observe(20 * NS_PER_MS, number * 33 * NS_PER_MS, 0) for number in range(40)]
        assert [step.after.name for step in taken if step is not None] == ["enhancer every 2nd frame"] * steps
