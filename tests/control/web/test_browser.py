"""The panel's page in a headless Chromium: every control, as a user would use it, against the real server."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from livecam.control.web.panel_server import PanelServer
from livecam.control.web.port import Naming, Renewal, Side
from livecam.core.settings import Command, Eyes, Mode, Others, SetEyes, SetLabel, SetOthers, Settings
from livecam.faces.consent_terms import STATED
from tests.control.web.chromium import Chromium, Page, Trouble, Window, program
from tests.control.web.pretend_panel import PretendCard, PretendPanel, drawn, jpeg

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(program() is None, reason="no Chromium is installed here, so that the page cannot be looked at"),
]

LIVE = "document.getElementById('state-word').textContent"
SAID = "document.getElementById('toast').textContent"
SEEN = (
    "(() => { const {x, y, width, height} = document.getElementById('add-problem').getBoundingClientRect();"
    "return document.elementFromPoint(x + width / 2, y + height / 2)?.id === 'add-problem'; })()"
)
"""Whether what is wrong with a new face is in sight: not below the edge of the dialog."""

SECTIONS = ("live", "figures", "devices", "doctor", "console")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def leaving() -> Iterator[ThreadPoolExecutor]:
    """Stops servers beside the next test; none outlives the module."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@dataclass
class Scene:
    """A panel that is served, and a page of it."""

    panel: PretendPanel
    server: PanelServer
    window: Window
    page: Page

    def another(self) -> Page:
        """A second page of the same browser."""
        return opened(self.window, self.server.url)

    def ordered(self, *commands: Command) -> None:
        """Wait until just those orders came."""
        eventually(lambda: self.panel.run.ordered, list(commands))


@pytest.fixture
def scene(browser: Chromium, leaving: ThreadPoolExecutor) -> Iterator[Scene]:
    """A panel and its page; at the end the browser must not have complained of anything."""
    panel = PretendPanel()
    server = PanelServer(panel, 0)
    server.start()
    panel.play()
    with browser.window() as window:
        page = opened(window, server.url)
        yield Scene(panel, server, window, page)
        troubles = page.troubles()
    panel.end()
    leaving.submit(server.stop)
    assert troubles == []


def opened(window: Window, url: str, width: int = 1280) -> Page:
    page = window.page(url, width)
    page.until(LIVE, "Live")
    page.until("document.querySelectorAll('.face').length", 3)
    page.until("document.getElementById('preset').options.length", 3)
    return page


def eventually(seen: Callable[[], Any], wanted: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while seen() != wanted:
        assert time.monotonic() < deadline, f"{seen()!r} is not {wanted!r}"
        time.sleep(0.01)


def excused(page: Page, *kinds: str) -> None:
    """Expect complaints that hold one of `kinds`, and no others."""
    eventually(lambda: bool(page.troubles()), True)
    assert [trouble for trouble in page.troubles() if not any(kind in trouble for kind in kinds)] == []
    page.forget()


def shown(page: Page, selector: str) -> str:
    return f"!document.querySelector({selector!r}).checkVisibility()"


# -- panic


def test_panic_and_resume(scene: Scene) -> None:
    page = scene.page
    for way in ("#panic", "Escape", "p"):
        page.click(way) if way.startswith("#") else page.key(way)
        eventually(lambda: scene.panel.settings().panic, True)
        page.until(LIVE, "Slate")
        page.until("document.title", "Slate · livecam")
        page.click("#resume") if way == "#panic" else page.key("r")
        eventually(lambda: scene.panel.settings().panic, False)
        page.until(LIVE, "Live")
        assert page.see("document.getElementById('resume').checkVisibility()") is False


def test_panic_waits_for_no_persona_and_is_there_in_dialogs(scene: Scene) -> None:
    page = scene.page
    scene.panel.run.making.clear()
    page.click("[data-focus='wear ann']")
    page.click("#panic")
    eventually(lambda: scene.panel.settings().panic, True)
    scene.panel.run.making.set()
    eventually(lambda: scene.panel.settings().persona, "ann")
    page.until(LIVE, "Slate")
    page.click("#resume")
    page.until(LIVE, "Live")
    page.click("[data-focus='settings ann']")
    page.key("Escape")
    page.until("document.querySelector('dialog[open]')", None)
    assert not scene.panel.settings().panic
    page.click("#add-open")
    page.click("#add-dialog [data-panic]")
    eventually(lambda: scene.panel.settings().panic, True)


def test_what_is_shown_is_said_in_words(scene: Scene) -> None:
    page, panel = scene.page, scene.panel
    assert page.text("#state-text") == "You are seen as nobody."
    panel.showing = "held"
    panel.rate = 24.0
    page.until("document.getElementById('state-figures').textContent.startsWith('24.0 fps')")
    assert page.see(LIVE) == "Live"
    panel.rate = 0.5
    page.until(LIVE, "Held")
    panel.showing, panel.note = "slate", "No face is seen."
    page.until(LIVE, "Slate")
    page.until("document.getElementById('state-text').textContent", "No face is seen.")


# -- live values


def test_a_slider_that_is_dragged_sends_the_first_and_the_last_value_while_orders_wait(scene: Scene) -> None:
    run = scene.panel.run
    held, submit = threading.Event(), run.submit

    def slow(command: Command) -> Any:
        held.wait(60)
        return submit(command)

    run.submit = slow  # type: ignore[method-assign]
    scene.page.ask("Network.enable")
    scene.page.drag("#blend", [0.1 + 0.03 * step for step in range(20)])
    final = float(scene.page.see("document.getElementById('blend').value"))

    # The first is under way and the others wait in the page, where the newest takes the place of all.
    def sent() -> int:
        asked = scene.page.events("Network.requestWillBeSent")
        return sum("/api/order" in event["request"]["url"] for event in asked)

    eventually(lambda: sent() > 0, True)
    assert sent() == 1
    held.set()
    eventually(lambda: scene.panel.settings().blend, final)
    assert len(run.ordered) == 2
    scene.page.until("document.getElementById('blend-value').textContent", f"{final:.2f}")
    scene.page.see("document.getElementById('shape').focus()")
    scene.page.key("ArrowRight")
    eventually(lambda: round(scene.panel.settings().shape, 2), round(Settings().shape + 0.01, 2))
    scene.page.see("document.getElementById('steadiness').focus()")
    scene.page.key("ArrowLeft")
    eventually(lambda: round(scene.panel.settings().steadiness, 2), round(Settings().steadiness - 0.01, 2))


def test_a_refused_value_goes_back(scene: Scene) -> None:
    scene.page.drag("#blend", [0.5, 1.0])
    scene.page.until(f"{SAID}.includes('plastic')")
    scene.page.until("Number(document.getElementById('blend').value) <= 0.85")
    assert float(scene.page.see("document.getElementById('blend').value")) == scene.panel.settings().blend


def test_choices_and_switches(scene: Scene) -> None:
    page = scene.page
    page.click("#eyes [value=target]")
    scene.ordered(SetEyes(Eyes.TARGET))
    page.click("#others [value=leave]")
    page.until("document.getElementById('others-note').textContent.includes('Ask them')")
    page.click("#label")
    scene.ordered(SetEyes(Eyes.TARGET), SetOthers(Others.LEAVE), SetLabel(False))
    page.choose("#preset", "balanced")
    eventually(lambda: scene.panel.run.done, ["preset balanced"])
    page.click("#snapshot")
    page.until(SAID, "Kept as snapshot.png.")
    page.click("#record")
    page.until("document.querySelector('#record').getAttribute('aria-pressed')", "true")
    page.click("#record")
    eventually(lambda: scene.panel.run.done, ["preset balanced", "snapshot", "record True", "record False"])


def test_passthrough_is_asked_about_first(scene: Scene) -> None:
    page = scene.page
    page.click("#passthrough")
    page.click("#ask-dialog [value=no]")
    page.until("document.getElementById('passthrough').checked", False)
    assert scene.panel.run.ordered == []
    page.click("#passthrough")
    page.click("#ask-yes")
    eventually(lambda: scene.panel.settings().mode, Mode.PASSTHROUGH)
    page.until(LIVE, "Your own face")
    page.until("document.getElementById('bare').hidden", False)
    page.click("#swap-again")
    eventually(lambda: scene.panel.settings().mode, Mode.SWAP)
    page.until("document.getElementById('bare').hidden", True)


def test_keys(scene: Scene) -> None:
    page, settings = scene.page, scene.panel.settings
    for key, name in (("1", "ann"), ("n", "bob"), ("b", "ann")):
        page.key(key)
        eventually(lambda: settings().persona, name)
    page.key("/")
    page.until("document.activeElement.id", "command")
    page.key("2")
    page.key("p")
    page.until("document.getElementById('command').value", "2p")
    assert settings().persona == "ann"
    assert not settings().panic
    page.see("document.activeElement.blur(); document.getElementById('keys-help').open = true")
    page.click("#keys-on")
    page.key("p")
    page.key("2")
    page.key("Escape")
    eventually(lambda: settings().panic, True)
    assert settings().persona == "ann"


# -- faces


def test_the_gallery(scene: Scene) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    assert page.see("[...document.querySelectorAll('.face')].map(face => face.dataset.name)") == [
        "nobody",
        "ann",
        "bob",
    ]
    page.until("document.querySelector('.face img').naturalWidth > 0")
    page.click("[data-focus='wear bob']")
    eventually(lambda: scene.panel.settings().persona, "bob")
    page.until("document.querySelector('.face.worn').dataset.name", "bob")
    page.click("[data-focus='star ann']")
    page.until("document.querySelector('[data-focus=\"star ann\"]').textContent", "1")
    page.click("[data-focus='star bob']")
    page.until("document.querySelector('[data-focus=\"star bob\"]').textContent", "2")
    page.click("[data-focus='star ann']")
    eventually(lambda: bank.kept["ann"].favourite, None)
    assert bank.changes == [("ann", {"favourite": 1}), ("bob", {"favourite": 2}), ("ann", {"favourite": None})]


def test_what_is_kept_of_a_face(scene: Scene) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    bank.kept["ann"].advice.append("The face looks soft.")
    page.see("document.querySelector('[data-focus=\"star bob\"]').click()")
    page.until("document.querySelector('[data-name=ann] .note').textContent", "Has advice")
    bank.changes.clear()
    page.click("[data-focus='settings ann']")
    body = page.text("#face-body")
    assert "face 412 px" in body
    assert "The face looks soft." in body
    assert "shows nobody: nobody at all" in body
    page.choose("#face-body label:nth-of-type(2) select", "balanced")
    eventually(lambda: bank.changes, [("ann", {"preset": "balanced"})])
    page.choose("#face-body label:nth-of-type(1) select", "7")
    eventually(lambda: bank.changes[1:], [("ann", {"favourite": 7})])
    page.click("#face-body .slider input[aria-label='Own colour']")
    eventually(lambda: bank.changes[2:], [("ann", {"colour": 0.5})])
    page.see("document.getElementById('own-colour').focus()")
    page.key("ArrowRight")
    eventually(lambda: bank.changes[3:], [("ann", {"colour": 0.51})])
    page.click("#face-body .slider input[aria-label='Own colour']")
    eventually(lambda: bank.changes[4:], [("ann", {"colour": None})])


def test_a_face_is_deleted_only_after_a_yes(scene: Scene) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    page.click("[data-focus='settings nobody']")
    assert page.see("document.querySelector('#face-body .danger')") is None
    page.key("Escape")
    page.click("[data-focus='settings bob']")
    # A picture that is still on its way would be missing afterwards.
    page.until("[...document.images].every(image => image.naturalWidth > 0)")
    page.click("#face-body .danger")
    page.key("Escape")
    assert "bob" in bank.kept
    page.click("#face-body .danger")
    page.click("#ask-yes")
    eventually(lambda: tuple(bank.kept), ("nobody", "ann"))
    page.until("document.querySelectorAll('.face').length", 2)


def test_a_consent_is_taken_back_only_after_a_yes(scene: Scene) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    button = "#face-body [data-do=revoke]"
    page.click("[data-focus='settings nobody']")
    assert page.see(f"document.querySelector({button!r})") is None
    page.key("Escape")
    page.click("[data-focus='settings bob']")
    page.click(button)
    page.until("document.querySelector('#ask-dialog[open] #ask-title').textContent", "Take the consent for bob back?")
    page.click("#ask-dialog [value=no]")
    assert bank.kept["bob"].revoked == ""
    page.click(button)
    page.click("#ask-yes")
    page.until(SAID, "The consent for bob is taken back.")
    assert bank.kept["bob"].revoked
    page.until("document.querySelector('.face[data-name=bob]').classList.contains('broken')")
    page.click("[data-focus='settings bob']")
    page.until("document.querySelector('#face-body .problem').textContent", "It was taken back.")
    assert page.see(f"document.querySelector({button!r})") is None
    assert page.see("document.querySelector('#face-body .danger') !== null")


RENEW = "#face-body [data-do=renew]"
LACKS = "document.getElementById('renew-problem').textContent"


def test_a_consent_is_given_anew_by_the_questions_of_a_new_face(scene: Scene) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    old = PretendCard("bob", problem="It was taken back.", revoked="2026-11-21T10:00:00.000+00:00", basis="unstated")
    bank.kept["bob"] = replace(old, subject="", expires="2020-01-01T00:00:00.000+00:00")
    page.see("document.querySelector('[data-focus=\"star ann\"]').click()")
    page.until("document.querySelector('.face[data-name=bob]').classList.contains('broken')")
    page.click("[data-focus='settings nobody']")
    assert page.see(f"document.querySelector({RENEW!r})") is None, "nobody is drawn"
    page.key("Escape")
    page.click("[data-focus='settings bob']")
    page.click(RENEW)
    page.until("document.querySelector('#renew-dialog[open] #renew-title').textContent", "Renew the consent for bob")
    for lacks, mend in (
        ("Say on what ground", "#renew-basis [value=written]"),
        ("Say whose face it is", "#renew-subject"),
        ("Say for what", "#renew-scope [value=still]"),
        ("Say until when", "#renew-expires"),
    ):
        page.click("#renew-save")
        page.until(f"{LACKS}.startsWith({lacks!r})")
        if mend == "#renew-subject":
            page.see(f"document.querySelector({mend!r}).value = 'nobody known'")
        elif mend == "#renew-expires":
            page.see(f"document.querySelector({mend!r}).value = '2031-05-06'")
        else:
            page.click(mend)
    assert bank.renewals == []
    page.click("#renew-save")
    page.until(LACKS, "There is no such person.")
    page.see("document.getElementById('renew-subject').value = 'Bob E.'")
    page.click("#renew-save")
    page.until(SAID, "The consent for bob is renewed.")
    assert bank.renewals == [("bob", Renewal("written", "Bob E.", ("still",), "2031-05-06"))]
    page.until("document.querySelector('.face[data-name=bob]').classList.contains('broken')", False)
    assert page.see("document.querySelector('dialog[open]')") is None
    excused(page, "422")


def test_every_ground_that_can_be_stated_is_asked_for_when_a_face_is_added_and_when_its_consent_is_renewed(
    scene: Scene,
) -> None:
    page = scene.page
    asked = [
        page.see(
            f"[...document.querySelectorAll('#{fieldset} label')].map((label) => "
            "[label.querySelector('[type=radio]').value, label.textContent])"
        )
        for fieldset in ("basis", "renew-basis")
    ]
    assert asked[0] == asked[1]
    assert {basis for basis, _ in asked[0]} == {str(basis) for basis in STATED}
    names = "[...document.querySelectorAll('#{} [type=radio]')].map((button) => button.name)"
    apart = [set(page.see(names.format(fieldset))) for fieldset in ("basis", "renew-basis")]
    assert len(apart[0] | apart[1]) == 2, "an answer in one dialog is none in the other"


def test_what_stays_in_a_renewed_consent_needs_no_saying(scene: Scene) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    hour = "2031-05-06T17:00:00.000+00:00"
    bank.kept["bob"] = replace(bank.kept["bob"], basis="written", subject="Bob", scope=["live"], expires=hour)
    bank.kept["ann"] = replace(bank.kept["ann"], scope=["live", "still"])
    page.see("document.querySelector('[data-focus=\"star ann\"]').click()")
    eventually(lambda: len(bank.changes), 1)
    page.until("document.querySelector('[data-focus=\"star ann\"]').textContent", "1")
    for name in ("bob", "ann"):
        page.click(f"[data-focus='settings {name}']")
        page.click(RENEW)
        page.click("#renew-save")
        page.until(SAID, f"The consent for {name} is renewed.")
    page.click("[data-focus='settings bob']")
    page.click(RENEW)
    page.click("#renew-never")
    assert page.see("document.getElementById('renew-expires').disabled")
    page.click("#renew-save")
    eventually(lambda: len(bank.renewals), 3)
    assert bank.renewals == [
        ("bob", Renewal("written", "Bob", ("live",), None)),
        ("ann", Renewal("synthetic", "nobody at all", ("live", "still"), None)),
        ("bob", Renewal("written", "Bob", ("live",), "never")),
    ]


def test_a_face_is_added_of_pictures_that_were_judged(scene: Scene, tmp_path: Path) -> None:
    page, bank = scene.page, scene.panel.kept_bank
    pictures = [tmp_path / "soft one.jpg", tmp_path / "bad.jpg"]
    for picture in pictures:
        picture.write_bytes(jpeg(drawn(3)))
    page.click("#add-open")
    assert page.see("document.getElementById('add-save').disabled")
    page.files("#files", pictures)
    page.until("document.querySelectorAll('.draft img').length", 1)
    page.until("document.querySelector('.draft.broken')?.textContent.includes('shows no face')")
    assert "use a sharper picture" in page.text("#drafts .advice")
    page.click("#shot")
    page.until("document.querySelectorAll('.draft img').length", 2)
    page.click("#add-save")
    page.until("document.getElementById('add-problem').textContent", "Give the face a name.")
    page.until(SEEN)
    page.click("#add-name")
    page.write("ann")
    page.until("document.getElementById('replace-row').hidden", False)
    page.click("#add-save")
    page.until("document.getElementById('add-problem').textContent.includes('ground')")
    page.click("#basis [value=written]")
    page.click("#add-save")
    page.until("document.getElementById('add-problem').textContent.includes('whose face')")
    page.click("#add-subject")
    page.write("Ann Example")
    page.see("document.getElementById('add-scope').value = 'live,recording'")
    page.see("document.getElementById('add-expires').value = '2027-01-01'")
    page.click("#add-save")
    page.until("document.getElementById('add-problem').textContent.includes('already')")
    page.click("#replace")
    page.click("#add-save")
    scope = ("live", "recording")
    eventually(lambda: bank.added, [Naming("ann", ("d1", "d2"), "written", "Ann Example", True, scope, "2027-01-01")])
    page.until("document.querySelector('dialog[open]')", None)
    excused(page, "422")


def test_pictures_may_be_dropped_anywhere(scene: Scene, tmp_path: Path) -> None:
    picture = tmp_path / "eve.jpg"
    picture.write_bytes(jpeg(drawn(3)))
    scene.page.drop([picture])
    scene.page.until("document.querySelectorAll('#add-dialog[open] .draft img').length", 1)
    assert scene.panel.kept_bank.drafted == ["eve.jpg"]
    scene.page.click(".draft button")
    scene.page.until("document.querySelectorAll('.draft').length", 0)


# -- previews


def watchers(scene: Scene) -> list[int]:
    return [scene.panel.feeds[side].watchers for side in (Side.INPUT, Side.OUTPUT)]


def test_previews_are_off_until_asked_for_and_in_one_page_at_a_time(scene: Scene) -> None:
    page = scene.page
    assert watchers(scene) == [0, 0]
    for side in ("input", "output"):
        page.click(f"#preview-{side} button")
        page.until(f"document.querySelector('#preview-{side} canvas').width", 320)
        page.until(f"document.querySelector('#preview-{side} canvas').checkVisibility()")
    assert watchers(scene) == [1, 1]
    page.click("#preview-input button")
    eventually(lambda: watchers(scene), [0, 1])
    other = scene.another()
    other.click("#preview-input button")
    eventually(lambda: watchers(scene), [1, 0])
    page.until("document.querySelector('#preview-output .off').textContent", "Shown in another page now.")
    other.reload()
    eventually(lambda: watchers(scene), [0, 0])


def test_a_preview_that_cannot_be_had_says_why(browser: Chromium) -> None:
    panel = PretendPanel()
    panel.refused = "The output runs in a process of its own."
    server = PanelServer(panel, 0)
    server.start()
    with browser.window() as window:
        page = opened(window, server.url)
        page.click("#preview-output button")
        page.until("document.querySelector('#preview-output .off').textContent", panel.refused)
        excused(page, "409")
    server.stop()


# -- figures, devices, doctor, console


def go(page: Page, section: str) -> None:
    page.click(f".tabs a[href='#{section}']")
    page.until(f"document.getElementById('{section}').hidden", False)


def painted(page: Page, canvas: str) -> int:
    """How many colours a drawing has."""
    return int(
        page.see(
            f"(() => {{ const canvas = document.getElementById('{canvas}'), pen = canvas.getContext('2d');"
            "const {data} = pen.getImageData(0, 0, canvas.width, canvas.height), seen = new Set();"
            "new Uint32Array(data.buffer).forEach(pixel => seen.add(pixel)); return seen.size; })()"
        )
    )


def test_figures_are_drawn_and_written(scene: Scene) -> None:
    page = scene.page
    go(page, "figures")
    page.until("document.querySelectorAll('#stage-rows tr').length", 5)
    assert page.text("#tile-fps") == "30.0"
    assert page.text("#tile-age95") == "48.9"
    assert page.text("#tile-delay") == "43.2"
    assert painted(page, "stage-plot") > 20
    assert painted(page, "age-plot") > 20
    assert "no face was found31" in page.text("#drops")
    assert "small enhancer210" in page.text("#tiers")
    assert "95 % below 48.9 ms" in page.see("document.getElementById('age-plot').getAttribute('aria-label')")
    before = page.see("document.getElementById('stage-plot').toDataURL()")
    page.click("#stage-share [value=p95]")
    assert page.see("document.getElementById('stage-plot').toDataURL()") != before


def test_devices(scene: Scene) -> None:
    page, run = scene.page, scene.panel.run
    go(page, "devices")
    page.until("document.querySelectorAll('#cameras .row.on').length", 1)
    page.click("#cameras .row:nth-child(2) button")
    page.until("document.querySelector('#cameras .row.on b').textContent", "HD Webcam")
    page.until("document.querySelector('#outputs .row.bad small').textContent.includes('not there')")
    page.click("#output-spec")
    page.write("pipewire:")
    page.key("Enter")
    page.until("document.querySelectorAll('#outputs .row').length", 4)
    page.click("#outputs .row:nth-child(1) button")
    eventually(lambda: run.sinks, ["memory:", "pipewire:"])
    page.click("#camera-spec")
    page.write("file:x.mp4")
    page.click("#camera-form button")
    eventually(lambda: run.picked, "file:x.mp4")
    assert page.see("[...document.querySelectorAll('#output-specs option')].map(option => option.value)") == [
        "pipewire:"
    ]


def test_the_doctor(scene: Scene) -> None:
    page = scene.page
    go(page, "doctor")
    page.until("document.getElementById('doctor-sum').textContent", "1 to look at, 1 to know, 1 good.")
    assert page.text(".finding .next") == "sudo modprobe v4l2loopback"
    scene.panel.findings = [{"area": "disk", "level": "fail", "said": "It is full.", "next": ""}]
    page.click("#doctor-again")
    page.until("document.getElementById('doctor-sum').textContent", "1 broken.")


def test_commands_and_the_log(scene: Scene) -> None:
    page = scene.page
    scene.panel.say("A line.")
    scene.panel.say("<b>Careful.</b>", 30)
    go(page, "console")
    page.until("document.querySelectorAll('#log li').length", 2)
    assert page.text("#log .warning span") == "<b>Careful.</b>"
    page.choose("#log-level", "warning")
    page.until("document.querySelectorAll('#log li').length", 1)
    for line, said in (("blend 0.4", "Blend 0.4."), ("panik", "Did you mean 'panic'?")):
        page.click("#command")
        page.write(line)
        page.key("Enter")
        page.until(f"document.querySelector('.reply p')?.textContent.includes({said!r})")
    page.key("ArrowUp")
    page.key("ArrowUp")
    assert page.see("document.getElementById('command').value") == "blend 0.4"
    assert page.see("document.querySelectorAll('#word-list dt').length") > 15


# -- connections


def test_a_reload_in_mid_stream_shows_what_holds(scene: Scene) -> None:
    page = scene.page
    page.click("#preview-output button")
    page.drag("#steadiness", [0.3, 0.8])
    go(page, "figures")
    eventually(lambda: scene.panel.settings().steadiness > 0.7, True)
    page.reload()
    page.until(LIVE, "Live")
    page.until("document.getElementById('figures').hidden", False)
    page.until(f"Number(document.getElementById('steadiness').value) === {scene.panel.settings().steadiness}")
    eventually(lambda: watchers(scene), [0, 0])


def test_two_pages_are_in_step(scene: Scene) -> None:
    other = scene.another()
    other.click("#label")
    scene.page.until("document.getElementById('label').checked", False)
    scene.page.click("[data-focus='wear ann']")
    other.until("document.querySelector('.face.worn').dataset.name", "ann")
    scene.page.click("[data-focus='star bob']")
    other.until("document.querySelector('[data-focus=\"star bob\"]').textContent", "1")
    other.key("Escape")
    scene.page.until(LIVE, "Slate")
    assert other.troubles() == []


def test_a_lost_connection_is_said_and_comes_back_without_a_reload(scene: Scene) -> None:
    page = scene.page
    page.see("window.unchanged = true")
    scene.server.stop()
    page.until("document.getElementById('lost').hidden", False)
    page.until(LIVE, "Not connected")
    page.click("#panic")
    page.until(SAID, "livecam does not answer.")
    scene.server.start()
    page.until(LIVE, "Live")
    page.until("document.getElementById('lost').hidden")
    assert page.see("window.unchanged")
    excused(
        page, "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"
    )


def test_after_a_restart_with_new_secrets_the_page_says_what_to_do(scene: Scene) -> None:
    port = urlsplit(scene.server.url).port
    assert port
    scene.server.stop()
    follower = PanelServer(scene.panel, port)
    follower.start()
    scene.page.until("document.getElementById('lost-text').textContent.includes('Open the address')")
    follower.stop()
    excused(scene.page, "401", "ERR_")


def test_a_page_too_many_stops_listening_until_it_is_wanted_again(scene: Scene) -> None:
    page = scene.page
    for _ in range(2):
        opened(scene.window, scene.server.url.split("?")[0])
    # A page that heard nothing for six seconds, on a starved machine, has connected again: it is not the oldest then.
    for _ in range(5):
        opened(scene.window, scene.server.url.split("?")[0])
        with suppress(Trouble):
            page.until("document.getElementById('lost-text').textContent.includes('Too many pages')", seconds=12)
            break
    page.until(LIVE, "Not connected")
    page.click("#panic")
    eventually(lambda: scene.panel.settings().panic, True)
    page.click("#lost-again")
    page.until(LIVE, "Slate")
    page.until("document.getElementById('lost').hidden")


def test_without_the_token_nothing_is_shown(browser: Chromium, scene: Scene) -> None:
    with browser.window() as window:
        page = window.page(scene.server.url.split("?")[0])
        assert "token" in page.text("body")
        assert page.see("document.querySelector('main')") is None
        assert page.see("fetch('/api/bank').then(answer => answer.status)") == 401
        page.go(scene.server.url[:-1] + ("B" if scene.server.url.endswith("A") else "A"))
        assert page.see("document.querySelector('main')") is None
    assert scene.page.see("document.cookie") == ""
    assert "token" not in scene.page.see("location.href")


@pytest.fixture
def foreign() -> Iterator[str]:
    """Another program's page on this machine: the same site to a browser, but another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title>")

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_pages_of_others_can_neither_order_nor_read(scene: Scene, foreign: str) -> None:
    base = scene.server.url.split("/?")[0]
    page = scene.window.page(foreign)
    wish = "method: 'POST', credentials: 'include', mode: MODE, body: JSON.stringify({line: 'panic'})"
    order = f"fetch('{base}/api/order', {{{wish}"
    for mode, more in (("'no-cors'", "}"), ("'cors'", ", headers: {'X-Livecam': '1'}}")):
        page.see(f"{order.replace('MODE', mode)}{more}).catch(() => 'refused')")
    assert page.see(f"fetch('{base}/api/bank', {{credentials: 'include'}}).catch(() => 'refused')") == "refused"
    picture = (
        f"new Promise(done => {{ const image = new Image(); image.onload = () => done('seen');"
        f"image.onerror = () => done('refused'); image.src = '{base}/api/bank/ann/thumbnail.jpg'; }})"
    )
    assert page.see(picture) == "refused"
    assert not scene.panel.settings().panic
    assert scene.panel.run.ordered == []


def test_a_foreign_name_for_this_machine_is_refused(scene: Scene) -> None:
    port = urlsplit(scene.server.url).port
    page = scene.window.page(scene.server.url.replace("127.0.0.1", "rebound.test"))
    assert "127.0.0.1" in page.text("body")
    assert page.see("document.querySelector('main')") is None
    answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"rebound.test:{port}"}, timeout=60)
    assert answer.status_code == 421


def test_the_content_policy_allows_nothing_but_the_pages_own(scene: Scene) -> None:
    policy = httpx.get(scene.server.url.split("?")[0], timeout=60).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = scene.page
    page.see("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.evil = 1'}))")
    assert page.see("window.evil") is None
    excused(page, "Content Security Policy")


# -- how it looks

CUT = """(() => {
  const wide = document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [];
  const dialog = document.querySelector('dialog[open]');
  const root = dialog ?? document.body;
  if (dialog && dialog.scrollWidth > dialog.clientWidth) wide.push('the dialog scrolls sideways');
  for (const node of root.querySelectorAll('*')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.closest('.unseen, .skip, option, #toast')) continue;
    const box = node.getBoundingClientRect();
    const name = `${node.tagName} ${node.textContent.trim().slice(0, 40)}`;
    if (box.right > innerWidth + 0.5 || box.left < -0.5) wide.push(`beyond the edge: ${name}`);
    const clips = getComputedStyle(node).overflowX !== 'visible';
    if (clips && node.scrollWidth > node.clientWidth + 1) wide.push(`cut: ${name}`);
  }
  return wide;
})()"""

FAINT = """(() => {
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const ground = node => {
    if (!node) return [255, 255, 255];
    const colour = parse(getComputedStyle(node).backgroundColor);
    return colour[3] === 0 ? ground(node.parentElement) : over(colour, ground(node.parentElement));
  };
  const light = colour => colour.map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.closest(':disabled, .unseen, .skip, option, #toast')) continue;
    const back = ground(node), [a, b] = [light(over(parse(getComputedStyle(node).color), back)), light(back)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${node.tagName} ${node.textContent.trim().slice(0, 40)}`);
  }
  return found;
})()"""


@pytest.fixture
def crowded(scene: Scene) -> Scene:
    """With long words in every place."""
    panel, page = scene.panel, scene.page
    panel.kept_bank.kept["ann"].advice += ["The face is turned 14 degrees to the side: look straight into the camera."]
    panel.kept_bank.kept["bob"].problem = "Its photo " + "portrait" * 9 + ".jpg is missing."
    panel.say("/dev/" + "video" * 40, 30)
    panel.findings = [{"area": "camera", "level": "fail", "said": "x" * 200, "next": "livecam " + "y" * 150}]
    page.media(prefers_reduced_motion="reduce")
    # What began to change its colours while the page was loading goes on, on a slow machine for longer than that.
    page.until("document.getAnimations().length", 0)
    page.click("[data-focus='star ann']")
    page.until("document.querySelector('[data-name=bob] .note').textContent", "Cannot be worn")
    return scene


def looked_over(page: Page, look: str) -> dict[str, list[str]]:
    """What `look` finds in each section and dialog."""
    found = {}
    for section in SECTIONS:
        page.see(f"location.hash = '{section}'; document.querySelectorAll('details').forEach(part => part.open = true)")
        page.until(f"document.getElementById('{section}').hidden", False)
        if section == "doctor":
            page.until("document.querySelectorAll('.finding').length", 1)
        found[section] = page.see(look)
    page.see("location.hash = 'live'")
    page.until("document.getElementById('live').hidden", False)
    for name, way in {"face": "[data-focus='settings ann']", "add": "#add-open", "ask": "#passthrough"}.items():
        page.see(f"document.querySelector({way!r}).click()")
        page.until("document.querySelectorAll('dialog[open]').length", 1)
        found[name] = page.see(look)
        page.key("Escape")
        page.until("document.querySelectorAll('dialog[open]').length", 0)
    return {place: faults for place, faults in found.items() if faults}


def test_nothing_is_cut(crowded: Scene) -> None:
    for width in (360, 800, 1280):
        crowded.page.resize(width, 740)
        assert (width, looked_over(crowded.page, CUT)) == (width, {})


def test_text_stands_out_in_light_and_dark(crowded: Scene) -> None:
    page = crowded.page
    for scheme, ground in (("light", "rgb(243, 245, 248)"), ("dark", "rgb(15, 18, 22)")):
        page.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        assert page.see("getComputedStyle(document.body).backgroundColor") == ground
        assert (scheme, looked_over(page, FAINT)) == (scheme, {})
        page.key("Escape")
        page.until(LIVE, "Slate")
        assert page.see(FAINT) == []
        page.click("#resume")
        page.until(LIVE, "Live")


FOCUS = """(() => {
  const node = document.activeElement;
  const seen = node.matches('.choice input') ? node.nextElementSibling : node;
  return [node.id || node.textContent.trim(), getComputedStyle(seen).outlineStyle];
})()"""


def test_the_keyboard_reaches_all_and_shows_where_it_is(scene: Scene) -> None:
    page, seen = scene.page, []
    for _ in range(16):
        page.key("Tab")
        name, outline = page.see(FOCUS)
        seen.append(name)
        assert outline == "solid", seen
    assert seen[:4] == ["Skip to the controls", "panic", "Live", "Figures"]
    assert "add-open" in seen


def test_all_that_can_be_used_has_a_name_and_nothing_moves_for_those_who_wish_so(scene: Scene) -> None:
    page = scene.page
    page.media(prefers_reduced_motion="reduce")
    still = "[...document.querySelectorAll('*')].every(node => getComputedStyle(node).transitionDuration === '0s')"
    assert page.see(still)
    for section in SECTIONS:
        page.see(f"location.hash = '{section}'")
        page.until(f"document.getElementById('{section}').hidden", False)
        tree = page.ask("Accessibility.getFullAXTree")["nodes"]
        nameless = [
            node["role"]["value"]
            for node in tree
            if any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", []))
            and node["role"]["value"] not in ("RootWebArea", "main", "generic")
            and not node.get("name", {}).get("value")
        ]
        assert nameless == [], section
