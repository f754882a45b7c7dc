"""OBS Studio: a client of obs-websocket 5, what it sets up there, and scenes that change the persona."""
