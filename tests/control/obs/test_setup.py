"""What is done in OBS: once, and nothing that is not said."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("websockets", reason="the extra obs is not installed")

from livecam.control.obs.client import ObsClient, ObsError
from livecam.control.obs.setup import Setup, Wish
from livecam.core.frame import Size
from livecam.output.obs import obs_sources
from tests.control.obs.fake_obs import FakeObs

(WEB, BROWSER) = obs_sources("panel:http://127.0.0.1:8770/picture?token=secret", Size(1280, 720), "linux")


@pytest.fixture
def obs() -> Iterator[FakeObs]:
    with FakeObs("geheim").running() as fake:
        yield fake


def done(obs: FakeObs, wish: Wish, dry: bool = False) -> tuple[str, ...]:
    client = ObsClient(obs.place)
    try:
        return Setup(client, dry).carry_out(wish)
    finally:
        client.close()


def test_the_source_is_added_fitted_and_the_microphone_delayed(obs: FakeObs) -> None:
    assert done(obs, Wish(WEB, offset_ms=104.6)) == (
        "Done: add the source 'livecam' (Media Source) to the scene 'Talk'.",
        "Done: fit it to the canvas of 1920x1080.",
        "Done: set the sync offset of 'Mic/Aux' to 105 ms; it was 0 ms.",
    )
    kind, settings = obs.inputs["livecam"]
    assert kind == "ffmpeg_source"
    assert settings["input"] == "http://127.0.0.1:8770/picture.mjpg?token=secret"
    assert obs.scenes["Talk"] == ["Mic/Aux", "livecam"]
    (transform,) = obs.transforms
    assert (transform["boundsWidth"], transform["boundsHeight"]) == (1920, 1080)
    assert obs.offsets == {"Mic/Aux": 105}


def test_twice_does_no_more_than_once(obs: FakeObs) -> None:
    done(obs, Wish(WEB, offset_ms=100.0))
    before = obs.changed()
    assert done(obs, Wish(WEB, offset_ms=100.2)) == (
        "The source 'livecam' is set up already.",
        "It is in the scene 'Talk' already.",
        "The sync offset of 'Mic/Aux' is 100 ms already.",
    )
    assert obs.changed() == before


def test_what_has_changed_is_changed_and_secrets_are_not_said(obs: FakeObs) -> None:
    done(obs, Wish(WEB))
    obs.inputs["livecam"][1]["hw_decode"] = True
    obs.inputs["livecam"][1]["looping"] = True
    other = replace(WEB, settings={**WEB.settings, "input": "http://127.0.0.1:8770/picture.mjpg?token=other"})
    said = done(obs, Wish(other, scene="Pause"))
    assert said[0] == "Done: change hw_decode, input of the source 'livecam'."
    assert said[1:] == ("Done: put it into the scene 'Pause'.", "Done: fit it to the canvas of 1920x1080.")
    assert "other" in str(obs.inputs["livecam"][1]["input"])
    assert obs.inputs["livecam"][1]["looping"] is True
    assert obs.scenes["Pause"] == ["livecam"]


def test_a_dry_run_changes_nothing(obs: FakeObs) -> None:
    assert done(obs, Wish(BROWSER, scene="Pause", offset_ms=80.0), dry=True) == (
        "Would add the source 'livecam' (Browser) to the scene 'Pause'.",
        "Would fit it to the canvas of 1920x1080.",
        "Would set the sync offset of 'Mic/Aux' to 80 ms; it was 0 ms.",
    )
    assert obs.changed() == []


def test_every_microphone_is_delayed_but_livecams_own(obs: FakeObs) -> None:
    obs.inputs |= {
        "Headset": ("alsa_input_capture", {}),
        "Late": ("pulse_input_capture", {"device_id": "livecam_microphone"}),
        "Film": ("ffmpeg_source", {}),
    }
    said = done(obs, Wish(WEB, offset_ms=50.0))
    assert obs.offsets == {"Mic/Aux": 50, "Headset": 50}
    assert said[-1] == "'Late' is livecam's own microphone, which is late already."
    done(obs, Wish(WEB, offset_ms=99_999.0, microphone="Film"))
    assert obs.offsets["Film"] == 20_000
    assert obs.offsets["Headset"] == 50


def test_without_microphones_that_is_said(obs: FakeObs) -> None:
    del obs.inputs["Mic/Aux"]
    obs.special.clear()
    assert done(obs, Wish(WEB, offset_ms=50.0))[-1] == "OBS has no microphone, so none is delayed."


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(WEB, scene="Nope"), r"no scene 'Nope'\. There are: 'Talk', 'Pause'\."),
        (Wish(WEB, name="Pause"), r"has a scene called 'Pause'.*--name"),
        (Wish(WEB, name="Mic/Aux"), r"'Mic/Aux' already, of another kind \(pulse_input_capture\)"),
        (Wish(WEB, offset_ms=9.0, microphone="Nix"), r"no input 'Nix'\. Microphones there: 'Mic/Aux'\."),
        (Wish(replace(WEB, kind="")), "obs-websocket cannot choose Media Source.*livecam obs"),
        (Wish(replace(WEB, kind="av_capture")), r"no sources of the kind Media Source \(av_capture\)\. .*--way"),
    ],
)
def test_what_stands_in_the_way_is_a_sentence(obs: FakeObs, wish: Wish, said: str) -> None:
    with pytest.raises(ObsError, match=said):
        done(obs, wish)


def test_an_obs_that_lacks_requests_is_told_before_anything_is_done(obs: FakeObs) -> None:
    obs.requests.remove("CreateInput")
    with pytest.raises(ObsError, match=r"OBS 29\.0\.2 with obs-websocket 5\.1\.0 does not know CreateInput"):
        done(obs, Wish(WEB))
    assert obs.asked == ["GetVersion"]
