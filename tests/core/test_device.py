"""Sizes of what lies on a card."""

from livecam.core.device import DeviceImage, DeviceTensor
from livecam.core.frame import Size


def test_an_image_takes_a_byte_for_each_channel_of_each_px() -> None:
    assert DeviceImage(0, Size(640, 360)).bytes == 640 * 360 * 3
    assert DeviceImage(0, Size(640, 360), channels=1).bytes == 640 * 360


def test_a_tensor_takes_what_its_numbers_take() -> None:
    assert DeviceTensor(0, (1, 3, 128, 128), "float16").bytes == 3 * 128 * 128 * 2
    assert DeviceTensor(0, (1, 512), "float32").bytes == 2048
