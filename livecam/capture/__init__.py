"""Sources: where frames come from. One kind per module, each with ``make(spec, wish, clock) -> Source``."""
