"""Where a backend works, and that it leaves the card to a call."""

import json
from pathlib import Path

import pytest

from livecam.errors import LivecamError, StudioError, StudioMemory
from livecam.studio.backends import CAPS, caps_of
from livecam.studio.resources import GB, NEEDS, OFFLOADS, Memory, Wish, choose, refuse_beside_live
from livecam.studio.terms import Device

KLEIN, FLUX = caps_of("klein4b"), caps_of("flux1")


def here(main: float = 64, **devices: float) -> Memory:
    """Free, GB."""
    return Memory({name: round(free * GB) for name, free in {"cpu": main, **devices}.items()}, round(main * GB))


@pytest.mark.parametrize(
    ("free", "offload"), [(80, "none"), (45.1, "none"), (44, "model"), (30.1, "model"), (29, "sequential")]
)
def test_the_fastest_that_fits_is_chosen(free: float, offload: str) -> None:
    assert choose(FLUX, 1024, Wish(), lambda: here(cuda=free)) == Device("cuda", offload, half=True)


def test_a_smaller_picture_needs_less() -> None:
    assert choose(FLUX, 512, Wish(), lambda: here(cuda=44)).offload == "none"
    for need in NEEDS.values():
        for offload in OFFLOADS:
            assert need.on_card(offload, 512) < need.on_card(offload, 1024)
        assert [need.on_card(offload, 1024) for offload in OFFLOADS] == sorted(
            (need.on_card(offload, 1024) for offload in OFFLOADS), reverse=True
        )


def test_what_does_not_fit_is_a_sentence_with_the_next_smaller_setting() -> None:
    with pytest.raises(
        StudioMemory, match=r"1024 px with flux1 needs about 6\.0 GB.*4\.0 GB are free\. Try --side 512"
    ):
        choose(FLUX, 1024, Wish(), lambda: here(cuda=4))
    with pytest.raises(StudioMemory, match="Close other programs"):
        choose(FLUX, 512, Wish(), lambda: here(cuda=1))
    with pytest.raises(StudioMemory, match=r"42\.0 GB of this computer's memory.*8\.0 GB are free"):
        choose(FLUX, 1024, Wish(), lambda: here(main=8, cuda=24))
    with pytest.raises(StudioMemory, match="memory of this computer"):
        choose(KLEIN, 1024, Wish(), lambda: here(main=8))


def test_what_is_named_is_taken_as_named() -> None:
    assert choose(FLUX, 1024, Wish("cuda", "none"), lambda: here(cuda=1)) == Device("cuda", "none", half=True)
    assert choose(FLUX, 1024, Wish("cpu"), lambda: here(main=1, cuda=80)) == Device("cpu", half=True)
    with pytest.raises(StudioError, match=r"no device 'mps'.*cpu, cuda"):
        choose(FLUX, 1024, Wish("mps"), lambda: here(cuda=80))


def test_the_processor_calculates_exactly_where_there_is_room() -> None:
    assert choose(KLEIN, 1024, Wish(), lambda: here(main=40)) == Device("cpu", half=False)
    assert choose(KLEIN, 1024, Wish(), lambda: here(main=20)) == Device("cpu", half=True)


def test_a_mac_has_one_memory_for_both() -> None:
    assert choose(KLEIN, 1024, Wish(), lambda: here(main=4, mps=30)) == Device("mps", "none", half=True)


def test_the_tiny_one_asks_nothing() -> None:
    def never() -> Memory:
        raise AssertionError("torch would have to be imported")

    assert choose(caps_of("tiny"), 128, Wish(), never) == Device("cpu")
    assert set(NEEDS) == {name for name, caps in CAPS.items() if not caps.test}


@pytest.mark.parametrize("name", ["tiny", "klein4b"])
def test_an_offload_that_would_have_no_effect_is_refused(name: str) -> None:
    for device in ("cpu", ""):
        with pytest.raises(StudioError, match=r"--offload model has no effect"):
            choose(caps_of(name), 1024, Wish(device, "model"), here)
    assert choose(caps_of(name), 1024, Wish("cpu", "none"), here).name == "cpu"


def status(provider: object) -> str:
    return json.dumps({"ok": True, "status": {"provider": provider}})


@pytest.mark.parametrize("provider", ["cuda", "tensorrt", "rtx", "directml", "cuda, STAND-IN", "remote"])
def test_a_live_daemon_on_the_card_keeps_it(provider: str) -> None:
    with pytest.raises(StudioError, match=rf"uses the graphics card \({provider}\).*--share"):
        refuse_beside_live(Device("cuda"), share=False, sockets=lambda: [Path("one")], ask=lambda _: status(provider))


@pytest.mark.parametrize("provider", ["cpu", "cpu, STAND-IN: NOT SWAPPED", "openvino"])
def test_one_on_the_processor_does_not(provider: str) -> None:
    refuse_beside_live(Device("cuda"), share=False, sockets=lambda: [Path("one")], ask=lambda _: status(provider))


def test_no_answer_means_no() -> None:
    def silent(_: Path) -> str:
        raise LivecamError("It does not answer.")

    for ask in (silent, lambda _: "{", lambda _: "[]", lambda _: status(3)):
        with pytest.raises(StudioError, match="does not say what it works on"):
            refuse_beside_live(Device("cuda"), share=False, sockets=lambda: [Path("one")], ask=ask)


def test_whoever_says_so_or_leaves_the_card_alone_is_let() -> None:
    def asked() -> list[Path]:
        raise AssertionError("nobody has to be asked")

    refuse_beside_live(Device("cuda"), share=True, sockets=asked)
    refuse_beside_live(Device("cpu"), share=False, sockets=asked)
    refuse_beside_live(Device("cuda"), share=False, sockets=list)
