"""Settings with a few allowed values that no other part of livecam names."""

from enum import StrEnum


class Provider(StrEnum):
    """What runs networks; ``auto`` takes the best that really works. `livecam.inference.backends` tells of each."""

    AUTO = "auto"
    RTX = "rtx"
    TENSORRT = "tensorrt"
    CUDA = "cuda"
    DIRECTML = "directml"
    COREML = "coreml"
    OPENVINO = "openvino"
    CPU = "cpu"
    REMOTE = "remote"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
