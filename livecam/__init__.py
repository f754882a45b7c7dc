"""livecam: a daemon that owns a virtual camera and never shows the bare face by accident."""

__version__ = "0.1.0"
