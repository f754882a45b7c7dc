"""Chromium as a reader: a page on localhost opens the camera that the portal gives it, and posts what it saw."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.e2e.pipewire.session import Session

_PAGE = """<!doctype html><title>camera</title><video autoplay muted playsinline></video><script>
const POINTS = [[.3, .25], [.3, .75], [.75, .25], [.75, .75]];
const post = body => fetch('/seen', {method: 'POST', body: JSON.stringify(body)});
const rest = ms => new Promise(done => setTimeout(done, ms));
async function cameras() {
  for (let turn = 0; turn < 40; turn++) {
    const found = (await navigator.mediaDevices.enumerateDevices()).filter(one => one.kind === 'videoinput');
    if (found.length) return found;
    await rest(250);
  }
  return [];
}
async function look() {
  if (!(await cameras()).length) return post({error: 'no camera was offered'});
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720, frameRate: 30}});
  const [track] = stream.getVideoTracks(), video = document.querySelector('video');
  video.srcObject = stream;
  await video.play();
  await rest(1000);
  const started = performance.now(), before = video.getVideoPlaybackQuality().totalVideoFrames;
  let shown = 0;
  const count = () => { shown++; video.requestVideoFrameCallback(count); };
  video.requestVideoFrameCallback(count);
  await rest(SECONDS * 1000);
  const seconds = (performance.now() - started) / 1000;
  const decoded = video.getVideoPlaybackQuality().totalVideoFrames - before;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.drawImage(video, 0, 0);
  const colours = POINTS.map(([y, x]) => [...pen.getImageData(canvas.width * x, canvas.height * y, 1, 1).data]);
  await post({label: track.label, width: video.videoWidth, height: video.videoHeight,
              rate: track.getSettings().frameRate, fps: decoded / seconds, shown: shown / seconds, colours});
}
look().catch(error => post({error: `${error.name}: ${error.message}`}));
</script>"""


@dataclass(frozen=True)
class PageReport:
    """What the page saw.

    Attributes:
        error: Why it saw nothing; empty when it did.
        label: What the camera is called.
        size: Width and height, px.
        rate: What the track says of itself, frames/s.
        fps: Frames that arrived, by the page's clock.
        shown: Frames that were painted, by the page's clock.
        colours: Middle of each quadrant, BGR.
    """

    error: str = ""
    label: str = ""
    size: tuple[int, int] = (0, 0)
    rate: float = 0.0
    fps: float = 0.0
    shown: float = 0.0
    colours: tuple[tuple[int, ...], ...] = ()


def chromium_sees(session: Session, folder: Path, seconds: float = 4.0, timeout_s: float = 180.0) -> PageReport:
    """Start Chromium in `session` with its profile in `folder`, and wait for the page's report.

    Raises:
        TimeoutError: The page never reported.
    """
    reports: SimpleQueue[PageReport] = SimpleQueue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_PAGE.replace("SECONDS", str(seconds)), reports))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = (
        "--no-first-run --no-default-browser-check --no-sandbox --disable-gpu --use-fake-ui-for-media-stream "
        "--autoplay-policy=no-user-gesture-required --disable-background-networking --disable-dev-shm-usage "
        "--enable-features=WebRtcPipeWireCamera --password-store=basic --window-size=1280,760"
    )
    address = f"http://localhost:{server.server_address[1]}/"
    child = session.start("chromium", *flags.split(), f"--user-data-dir={folder}", address)
    try:
        return reports.get(timeout=timeout_s)
    except Empty:
        raise TimeoutError(f"Chromium did not report within {timeout_s:g} s.") from None
    finally:
        child.terminate()
        child.wait(60)
        server.shutdown()
        server.server_close()


def _handler(page: str, reports: "SimpleQueue[PageReport]") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(page.encode() if self.path == "/" else b"")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(b"")
            reports.put(_report(body))

        def log_message(self, *args: object) -> None:
            return

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _report(body: dict[str, object]) -> PageReport:
    if "error" in body:
        return PageReport(error=str(body["error"]))
    colours = body["colours"]
    assert isinstance(colours, list)
    return PageReport(
        label=str(body["label"]),
        size=(int(str(body["width"])), int(str(body["height"]))),
        rate=float(str(body["rate"])),
        fps=float(str(body["fps"])),
        shown=float(str(body["shown"])),
        colours=tuple((blue, green, red) for red, green, blue, _ in colours),
    )
