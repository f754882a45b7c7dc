"""Sinks: where cleared pictures go. One driver to a module; each has ``make(spec, wish) -> Sink``."""
