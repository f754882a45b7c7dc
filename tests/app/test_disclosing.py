"""Mark and label around processors that come and go; what the label says can change meanwhile."""

from pathlib import Path

import numpy as np
import pytest

from livecam.app.disclosing import Disclosing, new_session
from livecam.config import Config, LabelConfig, Language, Paths, load
from livecam.core.frame import Frame, Picture, Size
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import ConfigError
from livecam.privacy.label import Label
from tests.fakes import ScriptedProcessor

SIZE = Size(320, 180)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.find({"LIVECAM_DATA": str(tmp_path / "data"), "LIVECAM_CACHE": str(tmp_path / "cache")})


def config(**values: str) -> Config:
    return load({f"label.{name}": value for name, value in values.items()}, None, {}).config


def shown(processor: Processor) -> Picture:
    """The luma of a swapped picture, all of which the processor inside leaves alike."""
    out = np.zeros(SIZE.picture_shape, np.uint8)
    processor.process(Frame(np.full(SIZE.image_shape, 90, np.uint8), 1, 1), out, Settings())
    return out[: SIZE.height]


def plate(text: str) -> Picture:
    out = np.full(SIZE.picture_shape, 90, np.uint8)
    Label(SIZE, text).draw(out)
    return out[: SIZE.height]


def test_what_the_label_says_changes_and_stays_changed_for_processors_made_later(paths: Paths) -> None:
    disclosing = Disclosing(config(language="de"), paths, SIZE, 7, marks=False)
    first = disclosing(ScriptedProcessor())
    assert np.array_equal(shown(first), plate("KI-VERÄNDERT"))
    assert disclosing.relabel(LabelConfig(language=Language.FR)) == "The label says 'MODIFIÉ PAR IA'."
    assert np.array_equal(shown(first), plate("MODIFIÉ PAR IA"))
    assert disclosing.relabel(LabelConfig(text="Acme deepfake")) == "The label says 'Acme deepfake'."
    assert np.array_equal(shown(disclosing(ScriptedProcessor())), plate("Acme deepfake"))


def test_words_that_show_nothing_change_nothing(paths: Paths) -> None:
    disclosing = Disclosing(config(), paths, SIZE, 7, marks=False)
    made = disclosing(ScriptedProcessor())
    with pytest.raises(ConfigError, match="shows nothing"):
        disclosing.relabel(LabelConfig(text="\u200b"))
    assert np.array_equal(shown(made), plate("AI MODIFIED"))


def test_before_there_is_a_processor_it_is_kept_for_the_first(paths: Paths) -> None:
    disclosing = Disclosing(config(), paths, SIZE, 7, marks=False)
    disclosing.relabel(LabelConfig(text="Acme"))
    made = disclosing(ScriptedProcessor())
    assert np.array_equal(shown(made), plate("Acme"))


def test_a_mark_is_there_unless_a_policy_says_otherwise(paths: Paths) -> None:
    with_mark = Disclosing(config(), paths, SIZE, new_session())(ScriptedProcessor())
    change = shown(with_mark).astype(int) - plate("AI MODIFIED")
    assert 0 < np.abs(change[60:, :160]).max() <= 2
