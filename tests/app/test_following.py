"""What a reload changes, and what it leaves as the user chose it meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from livecam.app.following import followed
from livecam.app.outlets import FixedOutlets
from livecam.app.presets import Presets
from livecam.app.reload import Apply, Reloader
from livecam.config import (
    Config,
    FaceConfig,
    GovernorConfig,
    LabelConfig,
    NeuralConfig,
    PeopleConfig,
    PresetName,
    PrivacyConfig,
)
from livecam.core.frame import NS_PER_MS
from livecam.core.settings import Command, Mode, Reply, SetMode, SetPersona, Settings, SettingsCell

FAST = replace(Config(), neural=NeuralConfig(preset=PresetName.FAST))


class Current:
    """Stands for an assembly."""

    def __init__(self, config: Config) -> None:
        self.config = config


class PretendPresets:
    """Remembers what it was to serve."""

    def __init__(self, config: Config) -> None:
        self.current = Current(config)
        self.wanted: list[Config] = []

    def change(self, config: Config) -> str:
        self.wanted.append(config)
        return "Done."


class Port:
    """Remembers commands."""

    def __init__(self) -> None:
        self.cell = SettingsCell(Settings(persona="nobody"))
        self.commands: list[Command] = []

    def submit(self, command: Command) -> Reply:
        self.commands.append(command)
        return self.cell.submit(command)


def follow(
    presets: PretendPresets, port: Port | None = None, hold: Callable[[int], None] | None = None
) -> dict[str, Apply | None]:
    return followed(port or Port(), lambda spec: spec, FixedOutlets(), cast(Presets, presets), hold)


class Surroundings:
    """What is around the swap, and what it was told."""

    def __init__(self) -> None:
        self.painted: list[Config] = []
        self.labels: list[LabelConfig] = []

    def follow(self, *, repaints: bool = True) -> dict[str, Apply | None]:
        return followed(
            Port(),
            lambda spec: spec,
            FixedOutlets(),
            cast(Presets, PretendPresets(Config())),
            None,
            self.painted.append if repaints else None,
            self.relabel,
            lambda config: f"Budget {config.governor.budget_ms:g}.",
        )

    def relabel(self, config: LabelConfig) -> str:
        self.labels.append(config)
        return f"The label says {config.text!r}."


def applied(live: dict[str, Apply | None], path: str, config: Config) -> str:
    apply = live[path]
    assert apply is not None
    return apply(config)


def test_hands_and_people_leave_the_preset_that_was_chosen_meanwhile() -> None:
    presets = PretendPresets(FAST)
    config = replace(Config(), face=FaceConfig(hands=False), people=PeopleConfig(worn=(("me", "ann"),)))
    assert applied(follow(presets), "face.hands", config) == "Done."
    (wanted,) = presets.wanted
    assert (wanted.neural, wanted.face.hands, wanted.people) == (FAST.neural, False, config.people)


def test_networks_of_the_file_take_its_place() -> None:
    presets = PretendPresets(Config())
    applied(follow(presets), "neural", FAST)
    assert presets.wanted[0].neural == FAST.neural


def test_angles_are_followed_without_a_restart() -> None:
    presets, angles = PretendPresets(FAST), replace(FAST, neural=replace(FAST.neural, angles=True))
    assert Reloader(FAST, lambda: angles, follow(presets))() == "Done."
    assert [wanted.neural.angles for wanted in presets.wanted] == [True]


def test_a_setting_that_is_a_command_is_one() -> None:
    port = Port()
    live = follow(PretendPresets(Config()), port)
    config = replace(Config(), face=FaceConfig(persona="ann"), privacy=PrivacyConfig(passthrough=True))
    assert applied(live, "face.persona", config) == "Wearing ann."
    assert applied(live, "privacy.passthrough", config) == "Your own face is sent."
    assert port.commands == [SetPersona("ann"), SetMode(Mode.PASSTHROUGH)]


def test_the_gate_is_told_where_it_can_be() -> None:
    held: list[int] = []
    live = follow(PretendPresets(Config()), hold=held.append)
    config = replace(Config(), privacy=PrivacyConfig(hold_ms=400.0))
    assert applied(live, "privacy.hold_ms", config) == "Pictures are held for 400 ms."
    assert held == [400 * NS_PER_MS]
    assert follow(PretendPresets(Config()))["privacy.hold_ms"] is None, "with the output process: restart"


def test_the_slate_is_painted_anew_where_it_can_be() -> None:
    around = Surroundings()
    live = around.follow()
    config = replace(Config(), privacy=PrivacyConfig(slate_text="Back soon"))
    assert applied(live, "privacy.slate_text", config) == "The slate is the new one."
    assert around.painted == [config]
    assert live["privacy.slate_text"] is live["privacy.slate_picture"], "once for both"
    assert around.follow(repaints=False)["privacy.slate_text"] is None, "with the output process: restart"


def test_the_label_and_the_card_say_the_same_words() -> None:
    around = Surroundings()
    config = replace(Config(), label=LabelConfig(text="NOT ME"))
    live = around.follow()
    assert applied(live, "label.text", config) == "The label says 'NOT ME'."
    assert (around.labels, around.painted) == ([config.label], [config])
    assert live["label.text"] is live["label.language"]
    around.painted.clear()
    assert applied(around.follow(repaints=False), "label.text", config) == "The label says 'NOT ME'."
    assert around.painted == []


def test_the_governor_follows() -> None:
    config = replace(Config(), governor=GovernorConfig(budget_ms=20.0))
    assert applied(Surroundings().follow(), "governor", config) == "Budget 20."
