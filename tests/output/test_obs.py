"""What is to be entered in OBS, and what obs-websocket is told, for every sink that OBS can show."""

import pytest

from livecam.core.frame import Size
from livecam.output.obs import ObsSource, obs_sources

SIZE = Size(1280, 720)


def fields(source: ObsSource) -> dict[str, str]:
    return dict(source.fields)


def test_a_stream_is_a_media_source_for_each_address() -> None:
    udp, tcp = obs_sources("stream:udp://127.0.0.1:5000,tcp://127.0.0.1:5001", SIZE)
    assert (udp.way, udp.title, udp.kind) == ("stream", "Media Source", "ffmpeg_source")
    assert fields(udp)["Input"] == udp.settings["input"] == "udp://127.0.0.1:5000"
    assert fields(udp)["FFmpeg Options"] == udp.settings["ffmpeg_options"] == "fflags=nobuffer"
    assert udp.settings["is_local_file"] is False
    assert tcp.settings["input"] == "tcp://127.0.0.1:5001"


def test_the_preview_is_a_media_source_or_a_browser() -> None:
    media, browser = obs_sources("web:http://127.0.0.1:8765/?token=secret (port 80 is taken)", SIZE)
    address = "http://127.0.0.1:8765/stream.mjpg?token=secret"
    assert media.settings["input"] == fields(media)["Input"] == address
    assert media.settings["input_format"] == "mjpeg"
    assert (browser.way, browser.kind, browser.settings["url"]) == ("browser", "browser_source", address)
    assert (browser.settings["width"], browser.settings["height"]) == (1280, 720)


def test_the_panels_picture_is_a_page_with_nothing_else() -> None:
    media, browser = obs_sources("panel:http://127.0.0.1:8770/picture?token=secret", SIZE)
    assert media.settings["input"] == "http://127.0.0.1:8770/picture.mjpg?token=secret"
    assert fields(browser)["URL"] == browser.settings["url"] == "http://127.0.0.1:8770/picture?token=secret"
    assert (fields(browser)["Width"], fields(browser)["Height"]) == ("1280", "720")


def test_a_camera_is_chosen_by_its_device_on_linux_and_by_hand_elsewhere() -> None:
    (linux,) = obs_sources("virtualcam:/dev/video10 (livecam)", SIZE, "linux")
    assert (linux.way, linux.kind, linux.settings["device_id"]) == ("camera", "v4l2_input", "/dev/video10")
    assert linux.settings["buffering"] is False
    assert "matrix=709" in linux.note
    (unopened,) = obs_sources("v4l2:", SIZE, "linux")
    assert (unopened.kind, fields(unopened)["Device"]) == ("", "livecam")
    (windows,) = obs_sources("virtualcam:Unity Video Capture", SIZE, "win32")
    assert windows.kind == ""
    (pipewire,) = obs_sources("pipewire:My face", SIZE, "linux")
    assert (pipewire.kind, fields(pipewire)["Device"]) == ("", "My face")
    assert "30.1" in pipewire.note


@pytest.mark.parametrize("name", ["record:call.mp4", "null", "memory", "web:", "stream:", "panel:"])
def test_of_other_sinks_there_is_nothing_to_show(name: str) -> None:
    assert obs_sources(name, SIZE) == ()
