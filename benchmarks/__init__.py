"""Measurements for developers. Users run `livecam doctor` and read the report of `livecam run --report`."""
