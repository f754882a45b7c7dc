"""Reads the browser preview's MJPEG stream with a plain HTTP client."""

import http.client
import io
import time
from urllib.parse import urlsplit

import cv2
import numpy as np

from livecam.bench.readers.address import Address, Reading
from livecam.errors import LivecamError

_TIMEOUT_S = 10.0
_LARGEST_IMAGE = 32 << 20


def read(address: Address) -> Reading:
    """Images of the stream that belongs to the page `address.target`. Decoding the JPEG is part of their age.

    Raises:
        LivecamError: Nobody answers, the stream is refused, or it ends.
    """
    parts = urlsplit(address.target)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", f"/stream.mjpg?{parts.query}")
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise LivecamError(f"The stream answered {answer.status} {answer.reason}.", "Run livecam doctor.")
        while True:
            image = cv2.imdecode(np.frombuffer(_part(answer), np.uint8), cv2.IMREAD_COLOR)
            if image is not None:
                yield time.monotonic_ns(), np.asarray(image, np.uint8)
    except (OSError, http.client.HTTPException) as error:
        # Not the address: it holds the secret.
        where = f"{parts.hostname}:{parts.port}"
        raise LivecamError(f"The stream at {where} cannot be read: {error}.", "Run livecam doctor.") from error
    finally:
        connection.close()


def _part(answer: io.BufferedIOBase) -> bytes:
    """The next image of a multipart stream whose parts name their length.

    Raises:
        LivecamError: The stream has ended, or is no such stream.
    """
    length = 0
    while True:
        line = answer.readline(1000)
        if not line:
            raise LivecamError("The stream has ended.", "Look at the daemon's log: livecam run --sink web.")
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
        elif not line.strip() and length:
            break
    if length > _LARGEST_IMAGE:
        raise LivecamError(f"The stream announces an image of {length} bytes, which cannot be.")
    return answer.read(length)
