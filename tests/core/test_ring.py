"""The ring: every interleaving of its steps, then real threads."""

import threading
from collections.abc import Generator
from types import GeneratorType

import numpy as np
import pytest

from livecam.core.ring import LatestRing, _Newest


class Slot:
    """Two words that a torn read would show as different."""

    def __init__(self) -> None:
        self.first = 0
        self.second = 0


def writer(ring: LatestRing[Slot], rounds: int) -> Generator[None, None, None]:
    for value in range(1, rounds + 1):
        if ring._reserved < 0:
            ring._reserved = yield from ring._reserve_steps()
        slot = ring._slots[ring._reserved]
        slot.first = value
        yield
        slot.second = value
        yield
        assert ring.publish() == value
        yield


def reader(ring: LatestRing[Slot], rounds: int) -> Generator[None, None, None]:
    for _ in range(rounds):
        newest = yield from ring._take_steps()
        if newest is None:
            continue
        assert newest.seq > ring._last_seq, "a slot was given out twice"
        ring.taken += 1
        ring.skipped += newest.seq - ring._last_seq - 1
        ring._last_seq = newest.seq
        slot = ring._slots[newest.slot]
        first = slot.first
        yield
        assert (first, slot.second) == (newest.seq, newest.seq), "torn or stale slot"
        yield
        assert slot.first == newest.seq, "the writer touched a held slot"
        assert ring.taken + ring.skipped == newest.seq


def frames_of(steps: object) -> tuple[object, ...]:
    """Where a generator and those it delegates to stand, with their locals: its whole state."""
    state: list[object] = []
    while isinstance(steps, GeneratorType) and steps.gi_frame is not None:
        values = sorted((k, repr(v)) for k, v in steps.gi_frame.f_locals.items() if k not in ("ring", "self", "slot"))
        state.append((steps.gi_frame.f_lasti, tuple(values)))
        steps = steps.gi_yieldfrom
    return tuple(state)


def explore(slots: int, writes: int, reads: int) -> int:
    """Run every interleaving once per distinct state; returns how many states were seen."""
    seen: set[object] = set()
    todo: list[tuple[int, ...]] = [()]
    while todo:
        path = todo.pop()
        ring = LatestRing(Slot, slots)
        sides = [writer(ring, writes), reader(ring, reads)]
        alive = [True, True]
        for side in path:
            try:
                next(sides[side])
            except StopIteration:
                alive[side] = False
        contents = tuple((slot.first, slot.second) for slot in ring._slots)
        shared = (ring._newest, ring._held, ring._reserved, ring._last_seq, ring.taken, ring.skipped)
        state = (shared, contents, tuple(alive), frames_of(sides[0]), frames_of(sides[1]))
        if state in seen:
            continue
        seen.add(state)
        todo.extend((*path, side) for side in (0, 1) if alive[side])
    return len(seen)


@pytest.mark.parametrize("slots", [3, 4])
def test_no_interleaving_tears_repeats_or_miscounts(slots: int) -> None:
    assert explore(slots, writes=5, reads=4) > 1_000


def test_the_explorer_finds_the_error_of_a_ring_without_claiming(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: LatestRing[Slot]) -> Generator[None, None, object]:
        newest = self._newest
        yield
        return None if newest.seq == self._last_seq else newest

    monkeypatch.setattr(LatestRing, "_take_steps", careless)
    with pytest.raises(AssertionError, match=r"torn|touched"):
        explore(3, writes=5, reads=4)


def test_two_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        LatestRing(Slot, 2)


def test_publish_needs_a_reservation() -> None:
    with pytest.raises(RuntimeError, match="without reserve"):
        LatestRing(Slot).publish()


def test_reserve_gives_the_same_slot_until_it_is_published() -> None:
    ring = LatestRing(Slot)
    assert ring.reserve() is ring.reserve()


def test_the_reader_gets_the_newest_once_and_the_gap_is_counted() -> None:
    ring = LatestRing(Slot)
    assert ring.take() is None
    for value in (1, 2, 3):
        ring.reserve().first = value
        ring.publish()
    slot = ring.take()
    assert slot is not None
    assert slot.first == 3
    assert ring.take() is None
    assert (ring.taken, ring.skipped, ring.published) == (1, 2, 3)


def test_take_claims_again_when_the_writer_published_in_between() -> None:
    ring = LatestRing(Slot)
    ring.reserve().first = 1
    ring.publish()
    steps = ring._take_steps()
    next(steps)
    next(steps)
    ring.reserve().first = 2
    ring.publish()
    found: list[_Newest | None] = []

    def finish() -> Generator[None, None, None]:
        found.append((yield from steps))

    list(finish())
    assert found[0] is not None
    assert found[0].seq == 2


def test_real_threads_never_see_a_torn_slot() -> None:
    """40,000 publications of 4 KB slots against a reader that looks at every byte."""
    ring: LatestRing[np.ndarray[tuple[int], np.dtype[np.int64]]] = LatestRing(lambda: np.zeros(512, dtype=np.int64))
    writes = 40_000
    torn: list[int] = []

    def write() -> None:
        for value in range(1, writes + 1):
            ring.reserve().fill(value)
            ring.publish()

    thread = threading.Thread(target=write)
    thread.start()
    last = 0
    while thread.is_alive() or ring.published != last:
        slot = ring.take()
        if slot is None:
            continue
        value = int(slot[0])
        if slot.min() != value or slot.max() != value or value <= last:
            torn.append(value)
        last = value
    thread.join()
    assert torn == []
    assert last == writes
    assert ring.taken + ring.skipped == writes
