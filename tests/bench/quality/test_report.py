"""The report: JSON, table, page and contact sheet of one small run."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from livecam.bench.quality.clip import STILL_FRAMES, Lab, Result
from livecam.bench.quality.page import page
from livecam.bench.quality.report import SCHEMA, Report, Setup
from livecam.bench.quality.sheet import FULL, SIDE_PX, contact_sheet
from livecam.bench.quality.smoothers import AVERAGE, EMA, NONE, OURS
from livecam.bench.quality.table import rows
from livecam.core.frame import Image
from livecam.errors import SourceGone
from tests.bench.quality.scripted import FPS, SIZE, BrightnessJudge, ScriptedStudio, grey, plays, tools

FRAMES = 30
NO_JUDGE = "there is no recogniser"
VOID = {"meta", "img", "path", "rect"}


def lab(studio: ScriptedStudio, judge: BrightnessJudge | None = None) -> Lab:
    return Lab(studio, tools(judge), (NONE, AVERAGE, OURS), "" if judge else NO_JUDGE)


@pytest.fixture(scope="module")
def report() -> Report:
    measured = lab(ScriptedStudio([20 + frame % 3 for frame in range(STILL_FRAMES)]), BrightnessJudge())
    results = (
        measured.clip("<me & you>.mp4", plays([50 + frame % 2 for frame in range(FRAMES)]), SIZE),
        measured.still("<me & you>.mp4", grey(50), FPS),
    )
    setup = Setup("ann", "mesh", "brightness", "", 15.0, 0.5, {"livecam": "0.1"})
    return Report(setup, results, ("There is no face in <b>.mp4.",))


def test_json_holds_all_figures_of_all_modes_and_no_nan(report: Report) -> None:
    told = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert told["schema"] == SCHEMA
    assert told["setup"]["judge"] == "brightness"
    assert "latency" in told["unmeasured"]["age"]
    moving, still = told["clips"]
    assert (moving["still_case"], still["still_case"]) == (False, True)
    assert list(moving["modes"]) == ["none", "average", "ours"]
    ours = moving["modes"]["ours"]
    assert ours["warp"]["ratio"] > 0
    assert ours["lag"] is None
    assert ours["unmeasured"]["lag"] == "the face hardly moved"
    assert ours["identity"]["frames"] == FRAMES / 2
    assert len(ours["series"]["warp_after"]) == moving["frames"] == FRAMES
    assert ours["series"]["warp_after"][0] is None
    assert still["frames"] == STILL_FRAMES


def test_every_mode_gets_a_fresh_pipeline_which_is_closed() -> None:
    studio = ScriptedStudio([20] * FRAMES)
    lab(studio).clip("a.mp4", plays([50] * FRAMES), SIZE)
    assert [mode.name for mode, _ in studio.takes] == ["none", "average", "ours"]
    assert all(take.closed for _, take in studio.takes)


def test_the_unsmoothed_mode_runs_though_nobody_asked_and_is_not_told() -> None:
    studio = ScriptedStudio([20] * FRAMES)
    result = Lab(studio, tools(), (EMA,), NO_JUDGE).clip("a.mp4", plays([50] * FRAMES), SIZE)
    assert [mode.name for mode, _ in studio.takes] == ["none", "ema"]
    assert list(result.figures) == ["ema"]
    assert len(result.shots) == FULL


def test_a_clip_without_a_face_is_refused_with_the_reason() -> None:
    studio = ScriptedStudio([0] * FRAMES, ["slated no-face"] * FRAMES)
    with pytest.raises(SourceGone, match=r"No face was swapped in a\.mp4: all frames were slated no-face\."):
        lab(studio).clip("a.mp4", plays([50] * FRAMES), SIZE)
    assert studio.takes[0][1].closed


def test_the_table_has_a_cell_for_every_mode_or_the_reason(report: Report) -> None:
    found = {row.name: row for row in rows(report.results[0])}
    assert found["Published / held / slated, %"].cells["ours"] == "100.0 / 0.0 / 0.0"
    assert found["Distance to persona / wearer"].why == ""
    assert found["Lag in motion, of the face's height"].why == "the face hardly moved"
    assert all(row.name.startswith("Still and noise") for row in rows(report.results[1]))


class Tags(HTMLParser):
    """Sees to it that tags close in order, and collects what matters."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(report: Report) -> None:
    html = page(report)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    names = [tag for tag, _ in tags.seen]
    assert not {"script", "link", "iframe", "object"} & set(names)
    assert not re.search(r"https?:|url\(|@import|\son\w+=", html)
    policy = next(attrs["content"] for tag, attrs in tags.seen if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    sources = [attrs["src"] for tag, attrs in tags.seen if tag == "img"]
    assert len(sources) == 3 * FULL
    assert all(source is not None and source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "nan" not in re.sub(r'base64,[^"]*', "", html).lower().replace("nance", "")


def test_the_page_says_whose_pictures_it_holds_first_and_names_what_was_not_measured(report: Report) -> None:
    html = page(report)
    assert html.index("pictures of whoever is in your clips") < html.index("<h1>")
    tags = Tags()
    tags.feed(html)
    assert "<me & you>.mp4" in tags.text
    assert "There is no face in <b>.mp4." in tags.text
    assert "not measured: the face hardly moved" in tags.text
    assert "not measured: a file has no moment of capture" in tags.text


def test_the_contact_sheet_shows_input_output_and_difference(report: Report) -> None:
    sheet = cv2.imdecode(np.frombuffer(contact_sheet(report.results[0].shots), np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    assert sheet.shape == (FULL // 2 * SIDE_PX, 6 * SIDE_PX, 3)
    before, after, difference = (float(sheet[:SIDE_PX, i * SIDE_PX : (i + 1) * SIDE_PX].mean()) for i in range(3))
    assert after - before == pytest.approx(20, abs=4)
    assert difference == pytest.approx(2 * (after - before), abs=4)
    assert contact_sheet([]) == b""


def test_what_is_kept_of_the_swapped_face_is_labelled_and_what_is_measured_is_not() -> None:
    def measured(label: Callable[[Image], Image]) -> Result:
        studio = ScriptedStudio([20 + frame % 3 for frame in range(FRAMES)])
        wanted = Lab(studio, tools(BrightnessJudge()), (NONE, OURS), label=label)
        return wanted.clip("a.mp4", plays([50 + frame % 2 for frame in range(FRAMES)]), SIZE)

    plain, labelled = measured(lambda image: image), measured(lambda image: np.full_like(image, 255))
    assert {mode: figures.warp for mode, figures in labelled.figures.items()} == {
        mode: figures.warp for mode, figures in plain.figures.items()
    }
    assert labelled.figures["ours"].identity == plain.figures["ours"].identity
    for bare, shot in zip(plain.shots, labelled.shots, strict=True):
        assert (shot.before, shot.difference) == (bare.before, bare.difference)
        seen = cv2.imdecode(np.frombuffer(shot.after, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        assert seen.min() > 250


def test_frames_worth_seeing_are_the_hard_ones(report: Report) -> None:
    shots = report.results[0].shots
    assert [shot.number for shot in shots] == sorted({shot.number for shot in shots})
    assert len(shots) == FULL
    assert shots[0].why
