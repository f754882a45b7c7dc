"""What a persona has of its own comes with it, in one step, and goes with it."""

import os
from pathlib import Path

import pytest

from livecam.app.dressing import Dresser
from livecam.app.presets import Presets
from livecam.app.reload import Reloader
from livecam.config import Config, Paths, PresetName, load
from livecam.core.settings import SetBlend, SetPersona, SettingsCell
from livecam.errors import LivecamError, PersonaError
from livecam.faces.worn import FILE, WornAs, keep_worn


class PretendPresets:
    """Remembers what was asked for; `current` is the mesh."""

    class current:  # noqa: N801 - stands for an attribute
        config = Config()
        wearer = ""

    def __init__(self) -> None:
        self.current.wearer = ""
        self.asked: list[tuple[PresetName, float]] = []
        self.refuses = False
        self.colours: list[float] = []

    def change(self, config: Config, patience_s: float) -> str:
        self.asked.append((config.neural.preset, patience_s))
        self.colours.append(config.neural.colour)
        if self.refuses:
            raise LivecamError("Its networks are not there.")
        return ""


class Fitting:
    def __init__(self, folder: Path) -> None:
        self.paths = Paths.find({"LIVECAM_DATA": str(folder)})
        config = load({"neural.blend": "0.7", "face.shape": "0.5"}, Path(os.devnull), {}).config
        self.presets = PretendPresets()
        presets: Presets = self.presets  # type: ignore[assignment]
        self.dresser = Dresser(self.paths, presets, Reloader(config, None, {}))
        self.cell = SettingsCell(config.settings)

    def own(self, name: str, worn: WornAs) -> None:
        (self.paths.personas / name).mkdir(parents=True, exist_ok=True)
        keep_worn(self.paths.personas / name, worn)

    def wear(self, name: str) -> tuple[float, float]:
        settings = self.dresser.wear(SetPersona(name), self.cell).settings
        assert settings.persona == name
        return settings.blend, settings.shape


@pytest.fixture
def fitting(tmp_path: Path) -> Fitting:
    return Fitting(tmp_path)


def test_what_is_its_own_comes_and_goes_with_it(fitting: Fitting) -> None:
    fitting.own("ann", WornAs(blend=0.2))
    fitting.own("bob", WornAs(shape=0.9))
    assert fitting.wear("ann") == (0.2, 0.5)
    assert fitting.wear("bob") == (0.7, 0.9)
    assert fitting.wear("nobody") == (0.7, 0.5)


def test_what_nobody_has_of_their_own_stays_as_the_user_set_it(fitting: Fitting) -> None:
    fitting.cell.submit(SetBlend(0.4))
    assert fitting.wear("nobody") == (0.4, 0.5)


def test_at_the_start_too_the_preset_as_soon_as_there_is_one_to_take_over_from(fitting: Fitting) -> None:
    fitting.own("nobody", WornAs(blend=0.2, shape=0.9, preset=PresetName.FAST, colour=0.3))
    fitting.dresser.begin(fitting.cell, ())
    assert (fitting.cell.current.blend, fitting.cell.current.shape) == (0.2, 0.9)
    fitting.dresser.look()
    assert fitting.presets.asked == [], "nothing serves yet"
    fitting.presets.current.wearer = "by track"
    for _ in range(2):
        fitting.dresser.look()
    assert fitting.presets.asked == [(PresetName.FAST, 0.0)]
    assert fitting.presets.colours == [0.3]
    assert fitting.wear("ann") == (0.7, 0.5), "what is usual comes back"


def test_what_was_asked_for_by_name_goes_before_what_is_its_own(fitting: Fitting) -> None:
    fitting.own("nobody", WornAs(blend=0.2, shape=0.9, preset=PresetName.FAST, colour=0.3))
    fitting.dresser.begin(fitting.cell, {"face.shape", "neural.swapper", "neural.colour", "source.size"})
    assert (fitting.cell.current.blend, fitting.cell.current.shape) == (0.2, 0.5)
    fitting.presets.current.wearer = "by track"
    fitting.dresser.look()
    assert fitting.presets.asked == []


def test_another_persona_before_that_has_nothing_of_the_first_one(fitting: Fitting) -> None:
    fitting.own("nobody", WornAs(preset=PresetName.FAST))
    fitting.dresser.begin(fitting.cell, ())
    fitting.wear("ann")
    fitting.presets.current.wearer = "by track"
    fitting.dresser.look()
    assert fitting.presets.asked == []


def test_damaged_settings_do_not_keep_a_run_from_starting(fitting: Fitting, caplog: pytest.LogCaptureFixture) -> None:
    fitting.own("nobody", WornAs(blend=0.2))
    (fitting.paths.personas / "nobody" / FILE).write_text("{")
    fitting.dresser.begin(fitting.cell, ())
    assert fitting.cell.current.blend == 0.7
    assert "What nobody has of its own is not used" in caplog.text


def test_no_frame_sees_half_of_it(fitting: Fitting) -> None:
    fitting.own("ann", WornAs(blend=0.2, shape=0.1))
    seen = []

    class Watched(SettingsCell):
        def __setattr__(self, name: str, value: object) -> None:
            seen.append(name)
            super().__setattr__(name, value)

    cell = Watched(fitting.cell.current)
    seen.clear()
    fitting.dresser.wear(SetPersona("ann"), cell)
    assert seen == ["current"]
    assert (cell.current.persona, cell.current.blend, cell.current.shape) == ("ann", 0.2, 0.1)


def test_its_own_preset_is_made_ready_meanwhile_and_the_usual_one_afterwards(fitting: Fitting) -> None:
    fitting.own("ann", WornAs(preset=PresetName.FAST))
    fitting.wear("ann")
    assert fitting.presets.asked == [(PresetName.FAST, 0.0)]
    fitting.presets.current.config = load({"neural.preset": "fast"}, Path(os.devnull), {}).config
    fitting.wear("nobody")
    assert fitting.presets.asked[1:] == [(PresetName.MESH, 0.0)]


def test_a_preset_that_cannot_be_had_is_told_in_the_log(fitting: Fitting, caplog: pytest.LogCaptureFixture) -> None:
    fitting.own("ann", WornAs(preset=PresetName.QUALITY))
    fitting.presets.refuses = True
    fitting.wear("ann")
    assert "quality of this persona is not used: Its networks are not there." in caplog.text


def test_damaged_settings_are_told_and_nothing_changes(fitting: Fitting) -> None:
    fitting.own("ann", WornAs(blend=0.2))
    (fitting.paths.personas / "ann" / FILE).write_text("?")
    with pytest.raises(PersonaError, match="cannot be used"):
        fitting.wear("ann")
    assert fitting.cell.current.revision == 0


def test_a_persona_brings_its_colour_to_networks_that_have_one(fitting: Fitting) -> None:
    def serve(preset: str) -> None:
        fitting.presets.current.config = load({"neural.preset": preset}, Path(os.devnull), {}).config

    serve("mesh")
    fitting.own("ann", WornAs(colour=0.1))
    fitting.wear("ann")
    assert fitting.presets.asked == [], "the mesh swap has none"
    fitting.wear("nobody")
    serve("fast")
    fitting.wear("ann")
    assert fitting.presets.colours == [0.1]
