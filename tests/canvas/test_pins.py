import logging

import numpy as np
import pytest

from livecam.canvas.pins import Pins
from livecam.core.frame import Image
from livecam.errors import DeviceError
from tests.canvas.host_device import HostDevice
from tests.canvas.scenes import noise


def there_and_back(device: HostDevice, pins: Pins, image: Image, out: Image) -> None:
    stream, address = device.stream(), device.allocate(image.nbytes)
    pins.upload(address, image, stream)
    pins.download(out, address, stream)
    device.wait(stream)
    pins.arrived()
    device.free(address)
    device.end_stream(stream)


def test_memory_is_pinned_once(device: HostDevice) -> None:
    pins, images = Pins(device), [noise((8, 9, 3), seed) for seed in range(3)]
    out = np.zeros_like(images[0])
    for image in images * 3:
        there_and_back(device, pins, image, out)
        np.testing.assert_array_equal(out, image)
    assert device.calls["pin"] == 4
    assert device.calls["pinned"] == 0
    pins.close()
    pins.close()
    assert device.held() == {}


def test_what_was_not_used_for_long_is_let_go_of(device: HostDevice) -> None:
    pins, out = Pins(device, most=3), np.zeros((8, 9, 3), np.uint8)
    for seed in range(20):
        image = noise((8, 9, 3), seed)
        there_and_back(device, pins, image, out)
        np.testing.assert_array_equal(out, image)
    assert device.held() == {"pin": 3}
    pins.close()


def test_what_is_used_all_the_time_stays(device: HostDevice) -> None:
    pins, out = Pins(device, most=3), np.zeros((8, 9, 3), np.uint8)
    slot = noise((8, 9, 3))
    for seed in range(9):
        there_and_back(device, pins, slot, out)
        there_and_back(device, pins, noise((8, 9, 3), seed), out)
    assert device.calls["pin"] == 2 + 9
    pins.close()


def test_memory_that_somebody_else_has_pinned_takes_a_detour(
    device: HostDevice, caplog: pytest.LogCaptureFixture
) -> None:
    """As of the canvas that is about to be replaced by another."""
    images, out = [noise((8, 9, 3), seed) for seed in range(2)], np.zeros((8, 9, 3), np.uint8)
    first, second = Pins(device), Pins(device)
    for pins in (first, second, first, second):
        with caplog.at_level(logging.WARNING):
            for image in images:
                there_and_back(device, pins, image, out)
                np.testing.assert_array_equal(out, image)
    assert caplog.text.count("detour") == 3, "once for each memory"
    assert device.held() == {"pin": 3, "pinned": 3}
    second.close()
    first.close()
    assert device.held() == {}


def test_a_broken_card_lets_go_of_all(device: HostDevice) -> None:
    pins, image = Pins(device), noise((8, 9, 3))
    there_and_back(device, pins, image, np.zeros_like(image))
    device.fail()
    pins.close()
    with pytest.raises(DeviceError):
        there_and_back(device, pins, image, image)
