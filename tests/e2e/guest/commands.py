"""``livecam cameras``, ``outputs`` and ``doctor`` name the real devices, and say who feeds one."""

import json
from collections.abc import Sequence

from tests.e2e.guest.bench import VIRTUAL, VIVID, Bench
from tests.e2e.guest.processes import livecam


def check_commands(bench: Bench) -> None:
    """Ask for cameras, outputs and health while nothing runs."""
    cameras, outputs = _listed("cameras"), _listed("outputs")
    vivid = next((one for one in cameras if one["path"] == VIVID), {})
    figure = f"{vivid.get('name')} ({vivid.get('driver')}), {len(_sequence(vivid.get('formats')))} formats"
    bench.ledger.check(f"livecam cameras: {VIVID}", vivid.get("driver") == "vivid", figure, "driver vivid")
    virtual = next((one for one in outputs if one["device"] == VIRTUAL), {})
    figure = f"{virtual.get('name')}, {'free' if virtual.get('free') else virtual.get('problem')}"
    good = virtual.get("name") == "livecam" and virtual.get("free") is True
    bench.ledger.check(f"livecam outputs: {VIRTUAL}", good, figure, "livecam, free")
    _check_doctor(bench)


def _check_doctor(bench: Bench) -> None:
    done = livecam("doctor", "--json")
    (bench.out / "doctor.json").write_text(done.stdout, encoding="utf-8")
    told = "\n".join(line for line in done.stdout.splitlines() if VIVID in line or VIRTUAL in line)
    good = done.returncode == 0 and VIVID in told and VIRTUAL in told
    figure = f"status {done.returncode}, {sum(device in told for device in (VIVID, VIRTUAL))} of 2 devices"
    bench.ledger.check("livecam doctor names the devices", good, figure, "status 0, 2 of 2")


def _listed(command: str) -> list[dict[str, object]]:
    done = livecam(command, "--json")
    return list(json.loads(done.stdout)) if done.returncode == 0 else []


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []
