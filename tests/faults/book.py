"""What came of each fault, and the two files that say so: the results, and the table of docs/reliability.md."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from tests.faults.judge import Shown
from tests.faults.rig import INTERVAL_NS, ROOT, Seen
from tests.faults.scene import FPS, SIZE

RESULTS: Final = ROOT / "benchmarks" / "results" / "reliability.json"
DOCUMENT: Final = ROOT / "docs" / "reliability.md"
VARIABLE: Final = "LIVECAM_RELIABILITY"
"""Where it is set, a whole and green matrix writes its results."""

FAULTS: Final = 34
"""A matrix of which something was left out, or skipped, is no result."""

COMMAND: Final = f"{VARIABLE}=1 make test-faults"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, as it was borne.

    Attributes:
        fault: Its name.
        inspected: Pictures that were looked at, from just before the fault until after it.
        swapped: Those that showed the wearer, swapped; new or again.
        slate: Those that were the slate.
        bare: Those that showed anything else. There must be none.
        longest_gap: The longest time between two pictures, in ticks, less what the whole machine stood still.
        recovery_s: From the end of the fault to the next new picture of the wearer, swapped.
        within_s: The longest that this may take.
        process: Whether the process was replaced or ended: then `longest_gap` is the time without a virtual camera.
        tries: 2 where the first try missed a time.
        said: The line of the log.
    """

    fault: str
    inspected: int
    swapped: int
    slate: int
    bare: int
    longest_gap: float
    recovery_s: float
    within_s: float
    process: bool
    tries: int
    said: str


def row_of(
    fault: str, seen: Sequence[Seen], longest_gap_ns: int, recovery_s: float, within_s: float, said: str, process: bool
) -> Row:
    """The row of one fault."""
    count = {shown: sum(one.verdict.shown is shown for one in seen) for shown in Shown}
    return Row(
        fault=fault,
        inspected=len(seen),
        swapped=count[Shown.SWAPPED],
        slate=count[Shown.SLATE],
        bare=sum(bool(one.wrong) for one in seen),
        longest_gap=round(longest_gap_ns / INTERVAL_NS, 2),
        recovery_s=round(recovery_s, 2),
        within_s=within_s,
        process=process,
        tries=1,
        said=said,
    )


class Book:
    """Collects rows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def write(self) -> None:
        """Write the results, where that is wanted, and the table from them."""
        if not os.environ.get(VARIABLE) or len(self.rows) < FAULTS:
            return
        result = {
            "name": "reliability",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": COMMAND,
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "rate": f"{SIZE} at {FPS:g} pictures a second",
            "faults": len(self.rows),
            "inspected": sum(row.inspected for row in self.rows),
            "bare": sum(row.bare for row in self.rows),
            "rows": [asdict(row) for row in self.rows],
        }
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(with_table(text, table(RESULTS)), encoding="utf-8")


def table(results: Path) -> str:
    """The table of the document, from the results."""
    found = cast(Mapping[str, object], json.loads(results.read_text(encoding="utf-8")))
    rows = [Row(**row) for row in cast(list[dict[str, object]], found["rows"])]  # type: ignore[arg-type]
    ticks = max((row.longest_gap for row in rows if not row.process), default=0.0)
    away = max((row.longest_gap * INTERVAL_NS / 1e9 for row in rows if row.process), default=0.0)
    lines = [
        f"{found['faults']} faults, {found['inspected']} pictures inspected, {found['bare']} of them bare. The longest "
        f"time between two pictures was {ticks:.1f} ticks where the process went on, and {away:.1f} s where it was "
        f"replaced. {found['rate']}; {str(found['date'])[:10]}.",
        "",
        "| fault | inspected | swapped | slate | bare | longest gap | back after | at most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name = f"{row.fault} (second try)" if row.tries > 1 else row.fault
        gap = f"{row.longest_gap * INTERVAL_NS / 1e9:.1f} s" if row.process else f"{row.longest_gap:.1f} ticks"
        lines.append(
            f"| {name} | {row.inspected} | {row.swapped} | {row.slate} | {row.bare} | {gap} "
            f"| {row.recovery_s:.1f} s | {row.within_s:g} s |"
        )
    return "\n".join(lines)


def with_table(text: str, made: str) -> str:
    """The document with that table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"
