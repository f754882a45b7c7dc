"""What the delayed microphone's parts are called in the sound server."""

from typing import Final

SINK: Final = "livecam_delay"
SOURCE: Final = "livecam_microphone"
TITLE: Final = "livecam microphone"
