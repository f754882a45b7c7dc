"""A page with nothing but the output picture, for a browser source in OBS."""

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>livecam</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/picture.css{query}">
<img id="picture" alt="" hidden>
<script src="/picture.js{query}"></script>
</html>
"""

_STYLE: Final = """html, body { margin: 0; height: 100%; background: #000; overflow: hidden }
img { display: block; width: 100%; height: 100%; object-fit: contain }
[hidden] { display: none }
"""

_SCRIPT: Final = """"use strict";

// Nobody sits in front of this page: when livecam goes, the picture goes black instead of standing still, and it comes
// back by itself.
const picture = document.getElementById("picture");
let streaming = false;

function stop() {
  streaming = false;
  picture.hidden = true;
  picture.removeAttribute("src");
}

picture.addEventListener("error", stop);

async function look() {
  try {
    const answer = await fetch("/picture" + location.search, { method: "HEAD", cache: "no-store" });
    if (!answer.ok) {
      stop();
    } else if (!streaming) {
      picture.src = "/picture.mjpg" + location.search;
      picture.hidden = false;
      streaming = true;
    }
  } catch {
    stop();
  }
  setTimeout(look, 1000);
}

look();
"""


async def picture_page(request: Request) -> Response:
    """The page; a token in its address is carried on to what it loads."""
    token = request.query_params.get("token", "")
    query = f"?token={escape(token, quote=True)}" if token else ""
    return Response(_PAGE.format(query=query), media_type="text/html")


async def picture_style(_: Request) -> Response:
    """Its style."""
    return Response(_STYLE, media_type="text/css")


async def picture_script(_: Request) -> Response:
    """What keeps it going."""
    return Response(_SCRIPT, media_type="text/javascript")
