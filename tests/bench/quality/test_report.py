"""The report: JSON, table, page and contact sheet of one small run."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from html import escape
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from livecam.bench.quality.clip import STILL_FRAMES, Lab, Result
from livecam.bench.quality.figures import Expression, Fates, Figures, Identity, Ratio
from livecam.bench.quality.page import page
from livecam.bench.quality.report import SCHEMA, Report, Setup
from livecam.bench.quality.series import Lag
from livecam.bench.quality.sheet import FULL, SIDE_PX, contact_sheet
from livecam.bench.quality.smoothers import AVERAGE, EMA, NONE, OURS
from livecam.bench.quality.table import WHAT_MARKS, rows
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
    assert ours["colour_calm"] == ours["colour"], "neither lids nor lips moved"
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


@pytest.mark.parametrize(
    ("fates", "told"),
    [
        (["slated no-face"], "Choose a clip with a face."),
        (
            ["slated no-face", "slated no-face", "slated weak-face"],
            "Choose a clip that shows the face sharper or larger.",
        ),
        (
            ["slated weak-face", "slated no-wearer", "slated no-wearer"],
            "one and the same face from its first frame on.",
        ),
        (["slated other-person"], "Say --others blur, or choose a clip of one person."),
        (["slated uncovered"], "looks towards the camera, with nothing before it."),
        (["slated failed"], "`livecam doctor` may know more."),
    ],
)
def test_what_to_do_about_a_clip_in_which_nothing_was_swapped_goes_with_the_reason(fates: list[str], told: str) -> None:
    given = fates * (FRAMES // len(fates))
    with pytest.raises(SourceGone) as refused:
        lab(ScriptedStudio([0] * FRAMES, given)).clip("a.mp4", plays([50] * FRAMES), SIZE)
    assert told in str(refused.value)


def test_the_table_has_a_cell_for_every_mode_or_the_reason(report: Report) -> None:
    found = {row.name: row for row in rows(report.results[0])}
    assert found["Published / held / slated, %"].cells["ours"] == "100.0 / 0.0 / 0.0"
    assert found["Distance to persona / wearer"].why == ""
    assert found["Lag in motion, of the face's height"].why == "the face hardly moved"
    assert all(row.name.startswith("Still and noise") for row in rows(report.results[1]))


def figured(**known: object) -> Figures:
    """Figures of which most were not measured; every frame went out."""
    nothing: dict[str, object] = dict.fromkeys(field.name for field in fields(Figures))
    return Figures(**{**nothing, "fates": Fates(8, 100.0, 0.0, 0.0, {}), "unmeasured": {}, **known})  # type: ignore[arg-type]


def done(mouth: float, blink: float | None) -> Expression:
    return Expression(1.0, mouth, 1.0, 1.0, None, blink)


def judged(to_persona: float, same: float) -> Identity:
    return Identity(4, 0.8, to_persona, 0.7, same, 100.0, 100.0)


# Each row: the figures of none, ours and average, and who is the best.
BESTS = {
    "Jitter at rest, px at 720 lines": ("jitter", (1.0, 0.30, 0.41), {"ours"}),
    "Warp error, whole clip, of the input's": ("warp", (Ratio(1, 2.0), Ratio(1, 1.5), Ratio(1, 1.2)), {"average"}),
    "Colour jitter, of the input's": ("colour", (Ratio(1, 0.9), Ratio(1, 0.8), Ratio(1, 0.7)), {"average"}),
    "Lag in motion, of the face's height": ("lag", (Lag(0, -0.01, 0), Lag(-2, -0.2, 0), Lag(30, 1.2, 0)), {"none"}),
    "Mouth, % of eye distance": ("expression", (done(1.4, 0.9), done(1.5, 0.9), done(1.4, 0.9)), {"none", "average"}),
    "Blink, correlation": ("expression", (done(1, 0.91), done(1, 0.95), done(1, 0.95)), {"ours", "average"}),
    "Distance to persona / wearer": ("identity", (judged(0.5, 1), judged(0.4, 1), judged(0.3, 1)), {"average"}),
    "Is persona / nearer to it / not wearer, %": ("identity", (judged(1, 9), judged(1, 80), judged(1, 70)), {"ours"}),
    "Published / held / slated, %": (
        "fates",
        (Fates(8, 90, 5, 5, {}), Fates(8, 100, 0, 0, {}), Fates(8, 95, 5, 0, {})),
        {"ours"},
    ),
}


@pytest.mark.parametrize("name", BESTS)
def test_the_best_of_a_row_is_marked_whoever_it_is(name: str, report: Report) -> None:
    key, values, best = BESTS[name]
    modes = dict(zip(("none", "ours", "average"), (figured(**{key: each}) for each in values), strict=True))
    result = replace(report.results[0], figures=modes)
    (row,) = (row for row in rows(result) if row.name == name)
    assert row.best == best
    html = page(replace(report, results=(result,)))
    (line,) = (line for line in html.split("<tr>") if f'scope="row">{escape(name)}<' in line)
    found = re.findall(r"<td(?: class=\"(\w+)\")?>([^<]*)</td>", line)
    assert [text.endswith(" *") for _, text in found] == [mode in best for mode in modes]
    assert [style for style, _ in found] == ["best" if mode in best else "" for mode in modes]


def test_nobody_is_the_best_where_all_look_alike_or_one_alone_was_measured(report: Report) -> None:
    alike, alone = (
        rows(replace(report.results[0], figures={"none": none, "ours": figured(jitter=0.299)}))
        for none in (figured(jitter=0.301), figured())
    )
    assert alike[0].cells == {"none": "0.30", "ours": "0.30"}
    assert alone[0].cells == {"none": "-", "ours": "0.30"}
    assert not any(row.best for row in (*alike, *alone))


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
    assert "Time for a frame (least age), median / p95, ms" in tags.text
    assert WHAT_MARKS in tags.text


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
