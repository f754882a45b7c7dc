"""Turns TFLite networks into ONNX, and the face mesh's public description into the project's own arrays."""

from typing import Final

CONVERTER: Final = 2
"""Raise it when the same TFLite file would convert to something else: caches are rebuilt."""
