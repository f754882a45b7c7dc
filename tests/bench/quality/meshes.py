"""A face that needs no network: the canonical mesh, placed in a frame."""

import numpy as np

from livecam.core.frame import Points
from livecam.vision.mesh.topology import TOPOLOGY


def mesh_at(x: float, y: float, height: float = 100.0, yaw_deg: float = 0.0) -> Points:
    """(478, 3) f32 px: the canonical face about (x, y), turned to the image's right."""
    angle = np.radians(-yaw_deg)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    face = TOPOLOGY.canonical.astype(np.float64) @ turn.T * height + (x, y, 0)
    irises = np.repeat([face[ring].mean(axis=0) for ring in TOPOLOGY.eyes], 5, axis=0)
    return np.concatenate([face, irises]).astype(np.float32)
