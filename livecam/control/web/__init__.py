"""The control panel in the browser: on this machine's loopback address, for who knows its token."""
