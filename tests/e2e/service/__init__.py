"""`livecam service` before a systemd user manager."""
