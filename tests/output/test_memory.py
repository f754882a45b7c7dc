import numpy as np
import pytest

from livecam.core.cleared import How
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import ConfigError
from livecam.output import memory, null
from livecam.output.memory import MemorySink
from tests.output.pictures import SIZE, cleared, plain


def test_it_keeps_the_last_pictures_and_counts_all() -> None:
    sink = MemorySink(keep=3)
    sink.open(SIZE, 30.0)
    for step in range(5):
        sink.send(cleared(plain(100 + step), seq=step, how=How.SLATE if step == 0 else How.SWAPPED))
    assert [kept.seq for kept in sink.kept] == [2, 3, 4]
    assert [int(kept.picture[0, 0]) for kept in sink.kept] == [102, 103, 104]
    assert sink.last == sink.kept[-1]
    assert (sink.sent, sink.counts[How.SLATE], sink.counts[How.SWAPPED]) == (5, 1, 4)


def test_it_uses_the_memory_it_got_at_the_opening() -> None:
    sink = MemorySink(keep=2)
    sink.open(SIZE, 30.0)
    places = set()
    for step in range(20):
        sink.send(cleared(plain(step)))
        assert sink.last is not None
        places.add(sink.last.picture.__array_interface__["data"][0])
    assert len(places) == 2


def test_what_was_kept_can_be_read_after_the_close_and_not_after_the_next_opening() -> None:
    sink = MemorySink()
    sink.open(SIZE, 30.0)
    sink.send(cleared(plain(77)))
    sink.close()
    assert np.array_equal(sink.kept[0].picture, plain(77))
    sink.open(SIZE, 30.0)
    assert not sink.kept


def test_specs() -> None:
    assert memory.make(parse_spec("memory?keep=100"), SinkWish()).keep == 100
    assert memory.make(parse_spec("memory"), SinkWish()).keep == 1
    for text in ("memory:x", "memory?keep=0", "memory?keep=1.5", "memory?keep=1e9", "memory?kept=1"):
        with pytest.raises(ConfigError):
            memory.make(parse_spec(text), SinkWish())
    for text in ("null:x", "null?keep=1"):
        with pytest.raises(ConfigError):
            null.make(parse_spec(text), SinkWish())
    with pytest.raises(ValueError, match="at least one"):
        MemorySink(0)
