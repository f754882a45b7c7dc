"""Orders in their lanes: one effect for many of a kind, the order kept, and panic before everything."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from livecam.control.desk import Answer, Desk
from livecam.control.web.crew import Busy
from livecam.control.web.lanes import MOST, Lanes, Said
from tests.control.pretend import PretendPort


class _WatchedDesk(Desk):
    """Remembers what it followed; `free` holds up what is not panic or hold."""

    def __init__(self, port: PretendPort) -> None:
        super().__init__(port)
        self.followed: list[str] = []
        self.free, self.entered = threading.Event(), threading.Event()
        self.free.set()

    def follow(self, line: str) -> Answer:
        if line not in ("panic", "hold"):
            self.entered.set()
            assert self.free.wait(60)
        self.followed.append(line)
        return super().follow(line)


@pytest.fixture
def port() -> PretendPort:
    return PretendPort()


@pytest.fixture
def desk(port: PretendPort) -> _WatchedDesk:
    return _WatchedDesk(port)


def in_lanes(desk: Desk, test: Callable[[Lanes], Awaitable[None]]) -> None:
    """Run `test` in an event loop beside the lanes."""

    async def run() -> None:
        lanes = Lanes(desk)
        working = asyncio.create_task(lanes.run())
        try:
            await asyncio.wait_for(asyncio.ensure_future(test(lanes)), 200)
        finally:
            working.cancel()

    asyncio.run(run())


async def begun(lanes: Lanes, *orders: tuple[str, str]) -> list[asyncio.Task[Said]]:
    """The orders, given one after the other and waiting."""
    tasks = []
    for line, key in orders:
        tasks.append(asyncio.create_task(lanes.put(line, key)))
        await asyncio.sleep(0)
    return tasks


async def held_up(desk: _WatchedDesk, lanes: Lanes) -> asyncio.Task[Said]:
    """An order that both keeps the quick lane busy and is not followed before `free` is set."""
    desk.free.clear()
    (busy,) = await begun(lanes, ("eyes auto", ""))
    while not desk.entered.is_set():
        await asyncio.sleep(0.005)
    return busy


def test_a_thousand_orders_with_one_key_leave_one_effect(desk: _WatchedDesk, port: PretendPort) -> None:
    async def test(lanes: Lanes) -> None:
        await held_up(desk, lanes)
        before = port.settings().revision
        waiting = await begun(lanes, *((f"blend {number / 2000}", "blend") for number in range(1000)))
        desk.free.set()
        said = await asyncio.gather(*waiting)
        assert [one["said"] for one in said] == ["replaced"] * 999 + ["Blend 0.4995."]
        assert all(one["ok"] for one in said)
        assert desk.followed == ["eyes auto", "blend 0.4995"]
        assert port.settings().revision == before + 2

    in_lanes(desk, test)


def test_orders_of_different_keys_keep_their_order(desk: _WatchedDesk) -> None:
    async def test(lanes: Lanes) -> None:
        await held_up(desk, lanes)
        lines = ["blend 0.1", "shape 0.1", "blend 0.2", "steadiness 0.1", "shape 0.2", "label off"]
        waiting = await begun(lanes, *((line, line.split()[0]) for line in lines))
        desk.free.set()
        await asyncio.gather(*waiting)
        assert desk.followed[1:] == ["blend 0.2", "steadiness 0.1", "shape 0.2", "label off"]

    in_lanes(desk, test)


def test_orders_without_a_key_are_all_followed(desk: _WatchedDesk) -> None:
    async def test(lanes: Lanes) -> None:
        await held_up(desk, lanes)
        waiting = await begun(lanes, *((f"blend 0.{number}", "") for number in range(5)))
        desk.free.set()
        await asyncio.gather(*waiting)
        assert len(desk.followed) == 6

    in_lanes(desk, test)


def test_a_persona_that_is_made_ready_holds_up_no_slider(desk: _WatchedDesk, port: PretendPort) -> None:
    async def test(lanes: Lanes) -> None:
        port.making.clear()
        switching, behind = await begun(lanes, ("persona ann", ""), ("next", ""))
        said = await asyncio.wait_for(lanes.put("blend 0.3", "blend"), 60)
        assert said["ok"]
        assert not switching.done()
        assert not behind.done()
        port.making.set()
        await switching
        assert (await behind)["ok"]
        assert port.settings().persona == "bob"

    in_lanes(desk, test)


@pytest.mark.parametrize("word", ["panic", "hold"])
def test_what_covers_waits_for_nothing(desk: _WatchedDesk, port: PretendPort, word: str) -> None:
    async def test(lanes: Lanes) -> None:
        busy = await held_up(desk, lanes)
        said = await asyncio.wait_for(lanes.put(word, ""), 60)
        assert said["ok"]
        assert port.settings().panic
        assert not busy.done()
        desk.free.set()
        await busy

    in_lanes(desk, test)


@pytest.mark.parametrize("word", ["resume", "passthrough on"])
def test_what_was_to_uncover_before_a_panic_is_forgotten(desk: _WatchedDesk, port: PretendPort, word: str) -> None:
    async def test(lanes: Lanes) -> None:
        busy = await held_up(desk, lanes)
        uncovering, blend = await begun(lanes, (word, ""), ("blend 0.2", ""))
        await lanes.put("panic", "")
        desk.free.set()
        await busy
        assert (await uncovering)["said"] == "replaced"
        assert (await blend)["ok"]
        assert word not in desk.followed
        assert port.settings().panic
        assert (await lanes.put("resume", ""))["ok"]
        assert not port.settings().panic

    in_lanes(desk, test)


def test_too_many_orders_are_refused(desk: _WatchedDesk) -> None:
    async def test(lanes: Lanes) -> None:
        await held_up(desk, lanes)
        waiting = await begun(lanes, *(("blend 0.1", f"key {number}") for number in range(MOST)))
        with pytest.raises(Busy):
            await lanes.put("blend 0.2", "another key")
        assert (await lanes.put("panic", ""))["ok"]
        desk.free.set()
        await asyncio.gather(*waiting)

    in_lanes(desk, test)


def _break(line: str) -> Answer:
    raise KeyError(line)


def test_an_order_that_breaks_does_not_end_the_lane(
    desk: _WatchedDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(lanes: Lanes) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(desk, "follow", _break)
            said = await lanes.put("blend 0.2", "")
        assert not said["ok"]
        assert "blend 0.2" in caplog.text
        assert (await lanes.put("blend 0.3", ""))["ok"]

    in_lanes(desk, test)


def test_who_asked_and_went_leaves_the_order_standing(desk: _WatchedDesk, port: PretendPort) -> None:
    async def test(lanes: Lanes) -> None:
        busy = await held_up(desk, lanes)
        (gone,) = await begun(lanes, ("blend 0.2", ""))
        gone.cancel()
        desk.free.set()
        await busy
        await lanes.put("shape 0.2", "")
        assert port.settings().blend == 0.2

    in_lanes(desk, test)
