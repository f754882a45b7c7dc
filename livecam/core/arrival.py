"""What a reader notes of every picture it gets, and the line it is written as between processes."""

from dataclasses import dataclass

from livecam.core.stamp import NUMBERS


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stamp as it was read (`livecam.core.stamp.read_stamp`).

    Attributes:
        number: Of the frame, modulo `NUMBERS`.
        captured_ns: Monotonic capture time, in steps of 1 ms, modulo `PERIOD_NS`.
    """

    number: int
    captured_ns: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One picture at its reader.

    Attributes:
        arrived_ns: Monotonic time at which the reader had the picture's pixels.
        stamp: What stood in its corner; None on the slate, or where it was damaged.
    """

    arrived_ns: int
    stamp: Stamp | None


def to_line(arrival: Arrival) -> str:
    """One line, without its end: arrival time, frame number and capture time; a dash without a stamp."""
    if arrival.stamp is None:
        return f"{arrival.arrived_ns} -"
    return f"{arrival.arrived_ns} {arrival.stamp.number} {arrival.stamp.captured_ns}"


def from_line(line: str) -> Arrival:
    """Read back what `to_line` wrote.

    Raises:
        ValueError: It is no such line.
    """
    match line.split():
        case [arrived, "-"]:
            return Arrival(int(arrived), None)
        case [arrived, number, captured]:
            return Arrival(int(arrived), Stamp(int(number), int(captured)))
        case _:
            raise ValueError(f"{line!r} is no arrival.")


def unwrapped(number: int, near: int) -> int:
    """The integer nearest to `near` that equals `number` modulo `NUMBERS`: the stamp's 24 bits run over.

    Works while two frames that follow each other are less than half of `NUMBERS` apart, in either direction.
    """
    half = NUMBERS // 2
    return near + (number - near + half) % NUMBERS - half
