"""What may be written down of names and addresses."""

import pytest

from livecam.app.discreet import clean, told_sink, told_spec
from livecam.core.spec import parse_spec


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rtsp://ann:s3cret@camera.local:554/live?token=x", "rtsp://camera.local:554"),
        ("rtsp://ann:s3/cr@t@camera.local/a", "rtsp://camera.local"),
        ("stream:rtmp://live.example/app/s3cretkey", "stream:rtmp://live.example"),
        ("web:http://127.0.0.1:8080/?token=s3cret (2 watch)", "web:http://127.0.0.1:8080 (2 watch)"),
        ("see ?token=s3cret", "see "),
        ("two\nlines\x1b[1m", "two?lines?[1m"),
        ("é" * 400, "é" * 300),
    ],
)
def test_secrets_in_addresses_are_left_out(text: str, told: str) -> None:
    assert clean(text) == told


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("file:/home/ann/private/clip.mp4?loop=1", "file:clip.mp4"),
        ("record:/home/ann/call-{time}.mp4", "record:call-{time}.mp4"),
        ("stream:rtsp://ann:pw@host/x", "stream:rtsp://host"),
        ("camera:HD Webcam", "camera:HD Webcam"),
        ("theirs:s3cret", "theirs"),
        ("null", "null"),
    ],
)
def test_sources_and_sinks_are_told_without_paths(spec: str, told: str) -> None:
    assert told_spec(parse_spec(spec)) == told


def test_a_sink_is_told_by_its_own_name() -> None:
    assert told_sink("record:/home/ann/call-2.mp4 (call.mp4 exists)") == "record:call-2.mp4"
    assert told_sink("virtualcam:/dev/video10 (livecam)") == "virtualcam:/dev/video10"
    assert told_sink("web:http://127.0.0.1:1/?token=s3") == "web:http://127.0.0.1:1"
