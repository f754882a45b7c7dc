"""Bandwidths: to the card, from it, and on it."""

from contextlib import ExitStack

from benchmarks.gpu.cards import Rig
from benchmarks.gpu.timing import one_by_one, together

_SIZES = {"1080p BGR": 1920 * 1080 * 3, "1080p I420": 1920 * 1080 * 3 // 2}
_ON_CARD_BYTES = 256 << 20


def measure(rig: Rig, seconds: float, on_card_bytes: int = _ON_CARD_BYTES) -> dict[str, object]:
    """GB/s and ms, by way and size."""
    with ExitStack() as held:
        device = rig.make_device()
        held.callback(device.close)
        stream = device.stream()
        held.callback(device.end_stream, stream)
        found: dict[str, object] = {"card": device.card()}
        for name, size in _SIZES.items():
            memory, address = device.pinned(size), device.allocate(size)
            held.callback(device.free_pinned, memory)
            held.callback(device.free, address)

            def up(address: int = address, memory: object = memory) -> None:
                device.upload(address, memory, stream)  # type: ignore[arg-type]
                device.wait(stream)

            def down(address: int = address, memory: object = memory) -> None:
                device.download(memory, address, stream)  # type: ignore[arg-type]
                device.wait(stream)

            for way, work in (("up", up), ("down", down)):
                times = one_by_one(work, seconds)
                found[f"{name} {way}"] = {**times, "gb_per_s": size / times["best_ms"] / 1e6}
        one, two = device.allocate(on_card_bytes), device.allocate(on_card_bytes)
        held.callback(device.free, one)
        held.callback(device.free, two)
        times = together(device, stream, lambda: device.copy(two, one, on_card_bytes, stream), runs=5, copies=4)
        # Every byte is read once and written once.
        found["on the card"] = {**times, "gb_per_s": 2 * on_card_bytes / times["best_ms"] / 1e6}
        return found
