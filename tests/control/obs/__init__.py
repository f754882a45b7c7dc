"""The client of obs-websocket."""
