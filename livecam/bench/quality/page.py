"""The report as one page that needs nothing else: no network, no script, pictures and plots inside."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Final

import numpy as np

from livecam.bench.quality.clip import Result
from livecam.bench.quality.plots import Band, Line, plot
from livecam.bench.quality.report import AGE_UNMEASURED, Report, Setup, curves
from livecam.bench.quality.series import Curve
from livecam.bench.quality.sheet import DIFFERENCE_GAIN, SIDE_PX, Shot
from livecam.bench.quality.smoothers import MODES, NONE, OURS
from livecam.bench.quality.table import MARK, WHAT_MARKS, Row, rows

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_WARNING: Final = (
    "This page holds pictures of whoever is in your clips. It was made on your machine and sent nowhere; "
    "pass it on only as you would the clips themselves."
)


def page(report: Report) -> str:
    """The whole page, HTML."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    title = f"Quality of the swap: {report.setup.persona}"
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            f'<p class="warning">{_WARNING}</p><h1>{escape(title)}</h1>',
            _setup(report.setup),
            *(f'<p class="problem">{escape(problem)}</p>' for problem in report.problems),
            *(f"<p>{escape(told)}</p>" for told in report.about_pack),
            *_sections(report.results),
            _words(report.setup),
            "</body></html>\n",
        ]
    )


def _setup(setup: Setup) -> str:
    judge = f"identities judged by {setup.judge}" if setup.judge else f"identities not measured: {setup.no_judge}"
    place = ", ".join(f"{name} {value}" for name, value in setup.place.items())
    told = f"Preset {setup.preset}, steadiness {setup.steadiness:g}; {judge}."
    return f'<p>{escape(told)}</p><p class="small">{escape(place)}</p>'


def _sections(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.posed:
            yield f"<h3>{escape(result.name)}, one frame standing still, with a bad camera's noise</h3>"
            yield _table(rows(result), list(result.figures))
            continue
        seconds = len(result.speed) / result.fps
        yield f"<h2>{escape(result.name)}</h2>"
        yield (
            f'<p class="small">{result.size}, {result.fps:.4g} frames/s, {seconds:.1f} s; '
            f"{result.still.sum()} frames at rest, {result.moving.sum()} in motion</p>"
        )
        yield _sheet(result.shots)
        yield _table(rows(result), list(result.figures))
        yield f'<div class="plots">{"".join(_plots(result))}</div>'


def _sheet(shots: Sequence[Shot]) -> str:
    cells = "".join(
        f'<div class="shot"><div class="three">{_picture(shot.before, "input")}{_picture(shot.after, "output")}'
        f"{_picture(shot.difference, 'difference')}</div>"
        f"<p>{escape(shot.why)} <span>frame {shot.number}: input, output, difference x {DIFFERENCE_GAIN}</span></p>"
        "</div>"
        for shot in shots
    )
    return f'<div class="sheet">{cells}</div>'


def _picture(jpeg: bytes, what: str) -> str:
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<img alt="{what}" width="{SIDE_PX}" height="{SIDE_PX}" src="data:image/jpeg;base64,{data}">'


def _table(found: Sequence[Row], modes: Sequence[str]) -> str:
    head = "".join(f'<th scope="col" class="{mode}">{mode}</th>' for mode in modes)
    body = "".join(_line(row, modes) for row in found)
    wide = f'<div class="wide" style="--modes: {len(modes)}">'
    return f"{wide}<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _line(row: Row, modes: Sequence[str]) -> str:
    name = f'<th scope="row">{escape(row.name)}</th>'
    if row.why:
        return f'<tr>{name}<td colspan="{len(modes)}" class="why">not measured: {escape(row.why)}</td></tr>'
    return f"<tr>{name}{''.join(_cell(row.cells[mode], best=mode in row.best) for mode in modes)}</tr>"


def _cell(text: str, best: bool) -> str:
    return f'<td class="best">{escape(text)} {MARK}</td>' if best else f"<td>{escape(text)}</td>"


def _plots(result: Result) -> Iterator[str]:
    noted = {mode: curves(result.traces[mode]) for mode in result.figures}
    shown = OURS.name if OURS.name in noted else next(iter(noted), NONE.name)
    own = noted[shown]
    rest = [Band("at rest", "still", result.still), Band("in motion", "moving", result.moving)]
    yield plot("Flow-warp error inside the face", "levels", result.fps, _by_mode(noted, own["warp_before"]), rest)
    pairs = (("Mouth opening", "mouth", "of eye distance"), ("Eye opening", "eyes", "of the eye's width"))
    for title, name, unit in pairs:
        lines = [Line("input", "input", own[f"{name}_before"]), Line(f"output ({shown})", shown, own[f"{name}_after"])]
        yield plot(title, unit, result.fps, lines)
    if result.figures[shown].identity is not None:
        yield plot("Distance of the output", "", result.fps, _judged(own, result.traces[shown].apart))
    yield plot("Time for a frame", "ms", result.fps, [Line(shown, shown, own["step_ms"])])


def _by_mode(noted: Mapping[str, Mapping[str, Curve]], before: Curve) -> list[Line]:
    """The input's warp error, and each mode's."""
    return [Line("input", "input", before), *(Line(mode, mode, own["warp_after"]) for mode, own in noted.items())]


def _judged(own: Mapping[str, Curve], apart: Curve) -> list[Line]:
    """What the judge said, from one judged frame to the next."""
    lines = [("to the persona", OURS.name, own["to_persona"]), ("to you", "input", own["to_wearer"])]
    lines.append(("you to the persona", NONE.name, apart))
    return [Line(name, style, _joined(curve)) for name, style, curve in lines]


def _joined(curve: Curve) -> Curve:
    """`curve` with what lies between its known values filled in straight."""
    known = np.flatnonzero(np.isfinite(curve))
    if not known.size:
        return curve
    return np.interp(np.arange(len(curve)), known, curve[known])


def _words(setup: Setup) -> str:
    """What the words in the tables mean."""
    modes = "".join(f"<dt>{mode.name}</dt><dd>{escape(mode.told)}</dd>" for mode in MODES.values())
    return (
        f"<h2>Words</h2><dl>{modes}{''.join(f'<dt>{word}</dt><dd>{told}</dd>' for word, told in _meanings(setup))}</dl>"
    )


def _meanings(setup: Setup) -> Iterator[tuple[str, str]]:
    yield MARK, escape(WHAT_MARKS)
    yield "jitter", "how much the landmarks that are drawn from tremble while the face in the picture is at rest"
    yield "lag", "how far behind you the face is while you move"
    yield (
        "warp error",
        (
            "how much changes in the face from frame to frame that motion does not explain, along the optical flow; "
            "1 x is as steady as the camera's own picture"
        ),
    )
    yield (
        "colour jitter",
        (
            "how much the face's mean colour changes from frame to frame, beside the camera's own; a blink and an "
            "opening mouth change it too, and whoever leaves them out has less of it"
        ),
    )
    yield (
        "distance",
        (
            f"how unlike two faces are to the judge; one person below {setup.same_person:g}"
            if setup.judge
            else escape(f"not measured: {setup.no_judge}")
        ),
    )
    yield "landmarks, mouth, eyes", "how far landmarks found afresh in the output lie from those found in the input"
    yield "published, held, slated", "frames that went out, that the last one stood in for, that the slate replaced"
    yield "age", escape(f"not measured: {AGE_UNMEASURED}")
