"""How old a picture is at a reader, by this test's reader and by livecam's own self-test."""

import json

import numpy as np

from tests.e2e.guest.bench import START_S, VIRTUAL, Bench
from tests.e2e.guest.processes import daemon, livecam, wait_until_readable
from tests.e2e.guest.readers import age_after_write_ms, rate
from tests.e2e.picture import CARD_FPS, SIZE


def check_latency(bench: Bench, sink: str) -> None:
    """Send an empty room with the time stamped into it, which costs next to nothing to draw."""
    flags = ("--source", "synthetic?faces=0&stamp=1&noise=0", "--sink", sink, "--passthrough")
    with daemon("latency", bench.out, *flags, fps=CARD_FPS) as running:
        wait_until_readable(VIRTUAL, running, START_S)
        with bench.reader() as reader:
            reader.wait_for("the empty room", lambda one: one.live, START_S)
            # The output's beat takes a moment to follow the source's.
            reader.during(2.0)
            seen = [one for one in reader.during(4.0) if one.live]
        running.end()
    bench.ledger.between("rate", rate(seen), 24, 36, "fps")
    bench.ledger.at_most("age after the write, p50", age_after_write_ms(seen), 20, "ms")
    ages = [one.stamped_age_ms for one in seen]
    told = "/".join(f"{np.percentile(ages, share):.0f}" for share in (50, 95, 99))
    bench.ledger.note("age since it was drawn, p50/p95/p99", f"{told} ms")
    numbers = [one.number for one in seen if one.number is not None]
    bench.ledger.note("frames lost of those drawn", f"{max(numbers) - min(numbers) + 1 - len(set(numbers))}")
    _check_self_test(bench, sink)


def _check_self_test(bench: Bench, sink: str) -> None:
    """``livecam bench latency`` must find the device, measure, and come to about the same figures."""
    path = bench.out / "bench-latency.json"
    measured = ("--through", sink, "--size", str(SIZE), "--seconds", "5", "--passthrough")
    done = livecam("bench", "latency", *measured, "--json", str(path), "--png", str(path.with_suffix(".png")))
    (bench.out / "bench-latency.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0:
        told = (done.stderr or done.stdout).strip()[-200:]
        bench.ledger.check("livecam bench latency", False, f"status {done.returncode}: {told}", "status 0")
        return
    figures = json.loads(path.read_text(encoding="utf-8"))
    ages = "/".join(f"{figures['age_ms'][share]:.0f}" for share in ("p50", "p95", "p99"))
    bench.ledger.between("livecam bench latency: reader's rate", figures["reader_fps"], 24, 36, "fps")
    told = f"{ages} ms, {figures['dropped']} dropped, {figures['duplicates']} doubled"
    bench.ledger.check("livecam bench latency: age, p50/p95/p99", figures["measured"] > 0, told, "")
