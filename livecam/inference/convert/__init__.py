"""Turns TFLite networks into ONNX, and the face mesh's public description into the project's own arrays."""
