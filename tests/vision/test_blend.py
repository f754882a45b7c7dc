import numpy as np

from livecam.vision.blend import Blender


def test_alpha_zero_and_full_are_exact() -> None:
    under = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3).copy()
    over = under[:, ::-1].copy()
    for alpha, wanted in ((0, under.copy()), (255, over)):
        target = under.copy()
        Blender()(target, over, np.full((1, 256), alpha, np.uint8))
        np.testing.assert_array_equal(target, wanted)


def test_between_is_the_weighted_mean() -> None:
    rng = np.random.default_rng(0)
    under, over = (rng.integers(0, 256, (40, 50, 3)).astype(np.uint8) for _ in range(2))
    alpha = rng.integers(0, 256, (40, 50)).astype(np.uint8)
    share = alpha[:, :, None] / 255
    wanted = over * share + under * (1 - share)
    Blender()(under, over, alpha)
    assert np.abs(under - wanted).max() <= 1.01


def test_writes_into_a_view_and_nowhere_else() -> None:
    frame = np.full((20, 20, 3), 7, np.uint8)
    blend = Blender()
    blend(frame[5:9, 6:11], np.full((4, 5, 3), 200, np.uint8), np.full((4, 5), 255, np.uint8))
    assert (frame[5:9, 6:11] == 200).all()
    assert (frame == 7).sum() == (400 - 20) * 3
    blend(frame[0:2, 0:2], np.full((2, 2, 3), 9, np.uint8), np.full((2, 2), 255, np.uint8))
    assert (frame[0:2, 0:2] == 9).all()
