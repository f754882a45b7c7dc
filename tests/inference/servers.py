"""A local HTTP server that behaves as well or as badly as a test wants."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Manner = Callable[["Handler", bytes], None]
"""Answers one request for a file with this content."""


class Handler(BaseHTTPRequestHandler):
    site: "Site"

    def do_GET(self) -> None:
        self.site.asked.append((self.path, self.headers.get("Range", "")))
        content, manners = self.site.files.get(self.path, (b"", [status(404)]))
        manner = manners.pop(0) if len(manners) > 1 else manners[0]
        manner(self, content)

    def begin(self, code: int, **headers: str | int) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def start(self, content: bytes) -> int:
        """From which byte is wanted, if of this very content."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(wanted[1]) if wanted and self.headers.get("If-Range") == etag(content) else 0

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:8]}"'


def honest(handler: Handler, content: bytes) -> None:
    """Gives the file, or the rest of it."""
    cut(len(content))(handler, content)


def cut(after: int) -> Manner:
    """Announces all, and hangs up when `after` bytes of the answer are sent."""

    def manner(handler: Handler, content: bytes) -> None:
        start = handler.start(content)
        if start >= len(content):
            handler.begin(416, Content_Range=f"bytes */{len(content)}")
            return
        told: dict[str, str | int] = {"ETag": etag(content), "Content_Length": len(content) - start}
        if start:
            told["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.begin(206 if start else 200, **told)
        handler.wfile.write(content[start : start + after])

    return manner


def status(code: int) -> Manner:
    return lambda handler, _: handler.begin(code, Content_Length=0)


def announcing(length: int) -> Manner:
    """Gives the file, and a wrong length."""

    def manner(handler: Handler, content: bytes) -> None:
        handler.begin(200, Content_Length=length)
        handler.wfile.write(content)

    return manner


def without_length(handler: Handler, content: bytes) -> None:
    handler.begin(200, ETag=etag(content))
    handler.wfile.write(content)


def ignoring_ranges(after: int) -> Manner:
    """Begins anew each time, and hangs up when `after` bytes are sent."""

    def manner(handler: Handler, content: bytes) -> None:
        handler.begin(200, ETag=etag(content), Content_Length=len(content))
        handler.wfile.write(content[:after])

    return manner


def refusing_ranges(handler: Handler, content: bytes) -> None:
    if handler.headers.get("Range"):
        handler.begin(416, Content_Length=0)
    else:
        honest(handler, content)


def wrong_part(handler: Handler, content: bytes) -> None:
    """Answers each range with the second byte and what follows."""
    if handler.headers.get("Range"):
        told = {"ETag": etag(content), "Content_Range": f"bytes 1-{len(content) - 1}/{len(content)}"}
        handler.begin(206, Content_Length=len(content) - 1, **told)
        handler.wfile.write(content[1:])
    else:
        honest(handler, content)


def packed(handler: Handler, content: bytes) -> None:
    handler.begin(200, Content_Encoding="gzip", Content_Length=len(content))
    handler.wfile.write(content)


def leading_to(url: str) -> Manner:
    return lambda handler, _: handler.begin(302, Location=url, Content_Length=0)


@dataclass
class Site:
    """Files by path, and how each request for them is answered in turn; the last manner is repeated."""

    address: str
    files: dict[str, tuple[bytes, list[Manner]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def serve(self, path: str, content: bytes, *manners: Manner) -> str:
        """Put a file there; gives its address."""
        self.files[path] = (content, list(manners or (honest,)))
        return self.address + path

    @property
    def ranges(self) -> list[str]:
        return [wanted for _, wanted in self.asked]

    def stalling(self, after: int) -> Manner:
        """Sends `after` bytes, and then nothing more."""

        def manner(handler: Handler, content: bytes) -> None:
            handler.begin(200, ETag=etag(content), Content_Length=len(content))
            handler.wfile.write(content[:after])
            self.ended.wait(60)

        return manner

    def dripping(self, handler: Handler, content: bytes) -> None:
        """Sends a byte now and then, so that no single wait is long."""
        handler.begin(200, ETag=etag(content), Content_Length=len(content))
        for place in range(len(content)):
            if self.ended.wait(0.05):
                return
            try:
                handler.wfile.write(content[place : place + 1])
            except OSError:
                return


@contextmanager
def running() -> Iterator[Site]:
    """A server on a free port of this machine."""

    class Bound(Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    site = Bound.site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
