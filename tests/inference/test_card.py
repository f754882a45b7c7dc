"""What the driver's library is asked, and what its refusals are told as. The library is made up."""

import ctypes
from dataclasses import dataclass

import pytest

from livecam.inference.card import Card, Driver, NoCard, find_card


@dataclass
class PretendDriver:
    """``libcuda`` with one H200."""

    init: int = 0
    count: int = 1
    name: bytes = b"NVIDIA H200"
    attribute: int = 0

    def cuInit(self, flags: int) -> int:  # noqa: N802
        assert flags == 0
        return self.init

    def cuDriverGetVersion(self, out: object) -> int:  # noqa: N802
        return put(out, 13_000)

    def cuDeviceGetCount(self, out: object) -> int:  # noqa: N802
        return put(out, self.count)

    def cuDeviceGet(self, out: object, place: int) -> int:  # noqa: N802
        assert place == 0
        return put(out, 7)

    def cuDeviceGetName(self, out: ctypes.Array[ctypes.c_char], size: int, device: int) -> int:  # noqa: N802
        assert device == 7
        assert len(self.name) < size
        out.value = self.name
        return 0

    def cuDeviceGetAttribute(self, out: object, attribute: int, device: int) -> int:  # noqa: N802
        assert device == 7
        return self.attribute or put(out, {75: 9, 76: 0}[attribute])


def put(out: object, value: int) -> int:
    ctypes.cast(out, ctypes.POINTER(ctypes.c_int))[0] = value  # type: ignore[arg-type]
    return 0


def found(driver: Driver) -> Card | NoCard:
    return find_card(lambda _: driver)


def test_the_card_is_told_by_its_driver() -> None:
    assert found(PretendDriver()) == Card("NVIDIA H200", 9, 0, 13_000)


def test_no_library_is_no_driver() -> None:
    def absent(name: str) -> Driver:
        raise OSError(f"{name}: cannot open shared object file")

    assert find_card(absent) == NoCard("There is no NVIDIA driver on this computer.")


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        (PretendDriver(init=100), "no NVIDIA graphics card that it reaches"),
        (PretendDriver(count=0), "no NVIDIA graphics card that it reaches"),
        (PretendDriver(init=803), "does not start: the driver and its library are of different versions"),
        (PretendDriver(init=999), "does not start: CUDA error 999"),
        (PretendDriver(attribute=46), "does not start: the card is used by another program alone"),
    ],
)
def test_what_the_driver_refuses_is_told(driver: PretendDriver, told: str) -> None:
    answer = found(driver)
    assert isinstance(answer, NoCard)
    assert told in answer.reason
    assert answer.next_step


def test_a_driver_that_lacks_a_call_is_too_old() -> None:
    class Ancient:
        pass

    answer = found(Ancient())  # type: ignore[arg-type]
    assert isinstance(answer, NoCard)
    assert "too old" in answer.reason


def test_this_computer_answers_without_raising() -> None:
    assert isinstance(find_card(), Card | NoCard)
