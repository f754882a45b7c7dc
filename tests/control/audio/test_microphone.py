"""The three modules, and what stands in their way."""

import threading

import pytest

from livecam.control.audio import pulse
from livecam.control.audio.microphone import MOST_MS, DelayedMicrophone, chosen, held
from livecam.control.audio.pulse import SoundError, SoundSource
from tests.control.audio.fake_pactl import FakePactl

OURS = ["module-null-sink", "module-remap-source", "module-loopback"]


def made(delay_ms: float = 70.0, named: str = "") -> DelayedMicrophone:
    microphone = DelayedMicrophone(named, threading.Event())
    microphone.make(delay_ms)
    return microphone


def test_it_hangs_on_the_real_one_and_goes_without_a_trace(server: FakePactl) -> None:
    microphone = made(70.4)
    assert microphone.real == "usb"
    assert server.kinds() == ["module-rt", *OURS]
    joint = server.modules()[-1][2]
    assert "source=usb sink=livecam_delay latency_msec=70" in joint
    assert "source_dont_move=true" in joint
    assert microphone.stands()
    microphone.remove()
    assert server.kinds() == ["module-rt"]
    assert not microphone.stands()


def test_another_delay_exchanges_the_joint_alone(server: FakePactl) -> None:
    microphone = made()
    before = server.modules()
    microphone.change(95.0)
    after = server.modules()
    assert after[:-1] == before[:-1]
    assert "latency_msec=95" in after[-1][2]
    assert microphone.stands()


def test_what_was_left_behind_is_removed_first(server: FakePactl) -> None:
    made()
    made()
    assert server.kinds() == ["module-rt", *OURS]


def test_the_modules_of_others_stay(server: FakePactl) -> None:
    others = [["7", "module-null-sink", "sink_name=livecam_delay2"], ["8", "module-loopback", "source=usb sink=x"]]
    server.set(modules=others)
    made().remove()
    assert server.modules() == others


def test_a_refusal_leaves_nothing_half_made(server: FakePactl) -> None:
    server.set(refused=["module-loopback"])
    with pytest.raises(SoundError, match=r"refuses load-module module-loopback: Failure: Module init"):
        made()
    assert server.kinds() == ["module-rt"]


def test_one_that_was_lost_is_noticed(server: FakePactl) -> None:
    microphone = made()
    server.set(modules=server.modules()[:-1])
    assert not microphone.stands()


@pytest.mark.parametrize(("asked", "got"), [(1.0, 5.0), (70.0, 70.0), (99_999.0, MOST_MS), (-20.0, 5.0)])
def test_a_delay_stays_within_what_servers_can_do(asked: float, got: float) -> None:
    assert held(asked) == got


SPEAKER = SoundSource("speaker.monitor", "Monitor of Speaker", monitor=True)
USB = SoundSource("usb", "USB Headset", monitor=False)
WEBCAM = SoundSource("pci", "HD Webcam", monitor=False)
OURSELVES = SoundSource("livecam_microphone", "livecam microphone", monitor=False)
OUR_MONITOR = SoundSource("livecam_delay.monitor", "Monitor of livecam delay", monitor=True)
ALL = (SPEAKER, USB, WEBCAM, OURSELVES, OUR_MONITOR)


@pytest.mark.parametrize(
    ("found", "default", "named", "is_"),
    [
        (ALL, "pci", "", WEBCAM),
        ((USB, OURSELVES), "livecam_microphone", "", USB),
        (ALL, "pci", "usb", USB),
        (ALL, "pci", "HEADSET", USB),
        (ALL, "pci", "speaker.monitor", SPEAKER),
    ],
)
def test_which_one_is_meant(found: tuple[SoundSource, ...], default: str, named: str, is_: SoundSource) -> None:
    assert chosen(found, default, named) == is_


@pytest.mark.parametrize(
    ("found", "default", "named", "said"),
    [
        ((), "", "", r"There is no microphone\. Plug one in\."),
        ((SPEAKER,), "speaker.monitor", "", r"There is no microphone\. Plug one in\."),
        (
            ALL,
            "livecam_microphone",
            "",
            r"none of the .* usb \(USB Headset\), pci .* Name one with --microphone",
        ),
        (ALL, "pci", "b", "Several microphones are called 'b'"),
        (ALL, "pci", "bluetooth", r"There is no microphone called 'bluetooth'\. There are: usb \(USB Headset\), pci"),
        (ALL, "pci", "livecam", "no microphone called 'livecam'"),
        (ALL, "pci", "livecam_delay.monitor", "no microphone called"),
    ],
)
def test_what_is_said_where_none_is(found: tuple[SoundSource, ...], default: str, named: str, said: str) -> None:
    with pytest.raises(SoundError, match=said):
        chosen(found, default, named)


def test_an_absent_pactl_is_a_sentence(server: FakePactl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "distribution", lambda: "ubuntu debian")
    (server.path.parent / "pactl").unlink()
    with pytest.raises(SoundError, match=r"needs pactl, .* Run sudo apt install pulseaudio-utils\."):
        made()


@pytest.mark.parametrize(
    "said", ["Connection failure: Connection refused\npa_context_connect() failed", "Daemon not running"]
)
def test_an_absent_server_is_a_sentence(server: FakePactl, said: str) -> None:
    server.set(broken=said)
    with pytest.raises(SoundError, match=r"No sound server answers \((Conn|Daem).*run: systemctl"):
        made()


def test_a_server_that_hangs_is_a_sentence(server: FakePactl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "_ANSWER_S", 0.2)
    (server.path.parent / "pactl").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    with pytest.raises(SoundError, match="has not answered"):
        made()


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_are_told_what_they_lack(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", system)
    with pytest.raises(SoundError, match=r"PipeWire or PulseAudio only.*livecam obs setup"):
        pulse.demand_linux()
