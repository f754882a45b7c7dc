"""livecam: a daemon that owns a virtual camera and never shows the bare face by accident."""

import os

__version__ = "0.1.0"

# From 1.29 on, ONNX Runtime tells its maker of every network that is loaded, and keeps a number of this machine and
# what it has to tell on the disk, unless this is set before it is imported. Processes that are started inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
