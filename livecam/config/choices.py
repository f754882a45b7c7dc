"""Settings with a few allowed values that no other part of livecam names."""

from enum import StrEnum


class Provider(StrEnum):
    """Where networks run; ``auto`` takes the best one that really works."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    COREML = "coreml"
    DIRECTML = "directml"
    OPENVINO = "openvino"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
