"""A headless Chromium, driven by its DevTools protocol over a pipe: no port is opened and no library is needed."""

import base64
import fcntl
import json
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --no-default-browser-check --disable-dev-shm-usage "
    "--disable-background-networking --disable-component-update --disable-sync --disable-extensions "
    "--host-resolver-rules=MAP_rebound.test_127.0.0.1 --disable-default-apps "
    "--mute-audio --hide-scrollbars --password-store=basic --remote-debugging-pipe"
)
_ANSWER_S = 60.0
_READY_S = 60.0


def program() -> str | None:
    """Chromium's path, if it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Trouble(AssertionError):
    """What the browser says went wrong."""


class Chromium:
    """One browser. Pages are opened in a context of their own, as in a private window."""

    def __init__(self, folder: Path) -> None:
        executable = program()
        assert executable
        their_in, self._to = os.pipe()
        self._from, their_out = os.pipe()
        command = [
            executable,
            *(flag.replace("_", " ") for flag in _FLAGS.split()),
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        # The browser reads file 3 and writes file 4, by convention; from above 10 they can be put there.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (their_in, their_out)]
        wired = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(ends, (3, 4), strict=True)]
        quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        self._process = os.posix_spawn(executable, command, os.environ, file_actions=[*quiet, *wired])
        for end in (their_in, their_out, *ends):
            os.close(end)
        self._numbers = count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self.events: dict[str, deque[dict[str, Any]]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """End it."""
        os.close(self._to)
        deadline = time.monotonic() + 5
        while os.waitpid(self._process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self._process, signal.SIGKILL)
            time.sleep(0.01)
        self._reader.join(60)
        os.close(self._from)

    def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """What `method` answers."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        with self._news:
            if not self._news.wait_for(lambda: number in self._answers, _ANSWER_S):
                raise Trouble(f"Chromium does not answer {method}.")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise Trouble(f"{method}: {answer['error']['message']}")
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    @contextmanager
    def window(self) -> Iterator["Window"]:
        """A private window: cookies and storage of its own."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        try:
            yield Window(self, context)
        finally:
            self.ask("Target.disposeBrowserContext", browserContextId=context)

    def _read(self) -> None:
        held = b""
        while data := os.read(self._from, 1 << 16):
            *whole, held = (held + data).split(b"\0")
            for text in whole:
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        with self._news:
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self.events.setdefault(message.get("sessionId", ""), deque(maxlen=2000)).append(message)
            self._news.notify_all()


class Window:
    """Pages that share cookies."""

    def __init__(self, browser: Chromium, context: str) -> None:
        self._browser = browser
        self._context = context

    def page(self, url: str, width: int = 1280, height: int = 900) -> "Page":
        """Open a page and wait until it is loaded."""
        target = self._browser.ask("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        session = self._browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self._browser, session)
        for domain in ("Page", "Runtime", "Log"):
            page.ask(f"{domain}.enable")
        page.resize(width, height)
        page.go(url)
        return page


class Page:
    """One page: looked at by expressions, used by real mouse and key events."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What `method` answers for this page."""
        return self._browser.ask(method, self._session, **parameters)

    def events(self, method: str) -> list[dict[str, Any]]:
        """What the page reported by that name so far."""
        found = list(self._browser.events.get(self._session, ()))
        return [event["params"] for event in found if event["method"] == method]

    def go(self, url: str) -> None:
        """Open `url` and wait for it."""
        before = len(self.events("Page.loadEventFired"))
        self.ask("Page.navigate", url=url)
        self._loaded(before)

    def reload(self) -> None:
        """Load the page anew and wait for it."""
        before = len(self.events("Page.loadEventFired"))
        self.ask("Page.reload")
        self._loaded(before)

    def _loaded(self, before: int) -> None:
        deadline = time.monotonic() + _ANSWER_S
        while len(self.events("Page.loadEventFired")) == before:
            if time.monotonic() > deadline:
                raise Trouble("The page was not loaded.")
            time.sleep(0.01)

    def resize(self, width: int, height: int) -> None:
        """The window's inner size, CSS px."""
        mobile = width < 500
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def media(self, **features: str) -> None:
        """Wish for a colour scheme and the like, with underscores for dashes."""
        wished = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.ask("Emulation.setEmulatedMedia", features=wished)

    def see(self, expression: str) -> Any:
        """The value of `expression`; of a promise what it comes to."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Trouble(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def until(self, expression: str, wanted: Any = True, seconds: float = _READY_S) -> None:
        """Wait until `expression` has the value that is wanted."""
        deadline = time.monotonic() + seconds
        while (seen := self.see(expression)) != wanted:
            if time.monotonic() > deadline:
                raise Trouble(f"{expression} is {seen!r}, not {wanted!r}, after {seconds:g} s.")
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """The text of an element."""
        return str(self.see(f"document.querySelector({json.dumps(selector)}).textContent"))

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element, as soon as that is what lies uppermost there."""
        quoted = json.dumps(selector)
        found = (
            f"(() => {{ const node = document.querySelector({quoted}); if (!node) return null;"
            "node.scrollIntoView({block: 'center'}); const box = node.getBoundingClientRect();"
            "const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];"
            "return {x, y, met: node.contains(document.elementFromPoint(x, y))}; })()"
        )
        deadline = time.monotonic() + _READY_S
        while not (place := self.see(found)) or not place["met"]:
            if time.monotonic() > deadline:
                raise Trouble(f"{selector} cannot be clicked: {place}")
            time.sleep(0.02)
        at = {"x": place["x"], "y": place["y"], "button": "left", "clickCount": 1}
        self.ask("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.ask("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def drag(self, selector: str, shares: list[float]) -> None:
        """Drag along an element, to those shares of its width."""
        box = self.see(
            f"(() => {{ const node = document.querySelector({json.dumps(selector)});"
            "node.scrollIntoView({block: 'center'});"
            "const {x, y, width, height} = node.getBoundingClientRect(); return {x, y, width, height}; })()"
        )
        middle = box["y"] + box["height"] / 2
        places = [{"x": box["x"] + share * box["width"], "y": middle, "button": "left"} for share in shares]
        self.ask("Input.dispatchMouseEvent", type="mousePressed", clickCount=1, **places[0])
        for place in places[1:]:
            self.ask("Input.dispatchMouseEvent", type="mouseMoved", buttons=1, **place)
        self.ask("Input.dispatchMouseEvent", type="mouseReleased", clickCount=1, **places[-1])

    def key(self, key: str) -> None:
        """Press and release a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        named = {"Escape": 27, "Enter": 13, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38, " ": 32}
        code = named.get(key, ord(key.upper()[0]))
        common = {"key": key, "windowsVirtualKeyCode": code, "code": key if len(key) > 1 else ""}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.ask("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        """Choose from a list, as a user does, as soon as it has that choice."""
        self.until(
            f"[...(document.querySelector({json.dumps(selector)})?.options ?? [])]"
            f".some(option => option.value === {json.dumps(value)})"
        )
        self.see(
            f"(() => {{ const list = document.querySelector({json.dumps(selector)}); list.value = {json.dumps(value)};"
            "list.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def files(self, selector: str, paths: list[Path]) -> None:
        """Give files to a file field."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def drop(self, paths: list[Path], x: float = 300, y: float = 300) -> None:
        """Drag files over the page and drop them."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.ask("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def troubles(self) -> list[str]:
        """Errors and warnings of the console, refusals of the content policy, and exceptions."""
        logged = [event["entry"] for event in self.events("Log.entryAdded")]
        said = [f"{entry['level']}: {entry['text']} {entry.get('url', '')}" for entry in logged]
        thrown = [str(event["exceptionDetails"]) for event in self.events("Runtime.exceptionThrown")]
        called = [str(event) for event in self.events("Runtime.consoleAPICalled")]
        return [*said, *thrown, *called]

    def forget(self) -> None:
        """Forget what was reported so far."""
        self._browser.events.pop(self._session, None)

    def shot(self, path: Path, full: bool = False) -> None:
        """Keep what is seen as a picture."""
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        path.write_bytes(base64.b64decode(data))
