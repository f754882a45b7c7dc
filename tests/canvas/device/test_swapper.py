"""The swap on the card is the swap on the processor: the same picture, the same refusals, and no more copies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.bench.standins import write
from livecam.canvas.device.colour import learn
from livecam.canvas.device.verdict import Status
from livecam.core.device import DeviceImage
from livecam.core.face import Face, Landmarks, Topology
from livecam.core.frame import Image, Points, Size
from livecam.core.ladder import FULL, Sharpening, Tier
from livecam.core.seams import Swapper
from livecam.errors import ContractError, DeviceError
from livecam.vision.angles import angled_sources
from livecam.vision.color import ColourMemory
from livecam.vision.contract import IdentityKind
from livecam.vision.identity_gate import Key
from livecam.vision.mouth import MouthKeeper
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.keeper import Look
from tests.canvas.device.chains import FACE, SIZE, STEP_NS, How, Rig, Worn, apart, close, scene
from tests.canvas.host_device import HostDevice
from tests.vision.swap.conftest import face_of, five_at, persona_of, source_of
from tests.vision.swap.test_facing import looking, rows_of

Rigs = Callable[..., Rig]

AS_ON_THE_CPU = {
    "plain": How(colour=0.0),
    "coloured": How(),
    "boosted, one by one": How(boost=2),
    "boosted, all at once": How(boost=2, batch=4),
    "boosted four times": How(boost=4, occlusion=True),
    "its own mask": How(swapper="hyperswap_1a_256", occlusion=True),
    "occlusion": How(occlusion=True),
    "regions": How(regions=True),
    "enhanced to 512": How(enhancer="gfpgan_1.4"),
    "enhanced to 256": How(enhancer="gpen_bfr_256"),
    "with fidelity": How(enhancer="codeformer"),
    "all": How(boost=2, enhancer="gfpgan_1.4", occlusion=True, regions=True),
    "16 bit": How(half=True, enhancer="gpen_bfr_256", occlusion=True),
}


def untouched(image: Image) -> Image:
    """The bare frame as it is stored."""
    picture: Image = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)  # type: ignore[assignment]
    return picture


def test_it_is_a_swapper(rig: Rigs) -> None:
    swapper: Swapper[DeviceImage] = rig().card()
    swapper.reset()


@pytest.mark.parametrize("how", AS_ON_THE_CPU.values(), ids=AS_ON_THE_CPU)
def test_frames_look_as_on_the_cpu(how: How, rig: Rigs) -> None:
    """Within 2 of 255 everywhere: step by step, when it is noted, and when it is replayed."""
    rigged = rig(**{name: getattr(how, name) for name in How.__slots__})
    cpu, card = rigged.cpu(), rigged.card()
    for number in range(3):
        rigged.now_ns += STEP_NS
        image = np.clip(scene().astype(int) + 3 * number, 0, 255).astype(np.uint8)
        face = face_of(five_at(320 + 7 * number, 180 - 3 * number, 200 + number, 12 + 5 * number))
        wanted, found = rigged.on_cpu(cpu, image, face=face), rigged.on_the_card(card, image, face=face)
        most, mean = apart(found, wanted)
        assert most <= 2
        assert mean < 0.1
        assert (np.abs(wanted.astype(int) - untouched(image)) > 8).mean() > 0.05
    assert rigged.device.calls["replay"] == 2
    close(rigged, card)
    assert rigged.device.held() == {}


class Told:
    """A keeper that allows a fixed share."""

    def __init__(self, limit: float) -> None:
        self.limit, self.ready = limit, True
        self.looks: list[Look] = []

    def allowed(self, key: Key, asked: float) -> float:
        return min(asked, self.limit)

    def due(self) -> bool:
        return self.ready

    def look(self, look: Look) -> None:
        self.looks.append(look)


def test_the_enhancer_is_kept_to_the_persona_as_on_the_cpu(rig: Rigs) -> None:
    """As much of it shows, and the keeper is given the same two pictures, with the face where it is in them."""
    rigged, theirs, ours = rig(colour=0.0, enhancer="gpen_bfr_256"), Told(0.3), Told(0.3)
    cpu, card = rigged.cpu(theirs), rigged.card(ours)
    for number in range(3):
        rigged.now_ns += STEP_NS
        image = np.clip(scene().astype(int) + 3 * number, 0, 255).astype(np.uint8)
        wanted, found = rigged.on_cpu(cpu, image, blend=0.7), rigged.on_the_card(card, image, blend=0.7)
        assert apart(found, wanted)[0] <= 2
    assert len(theirs.looks) == len(ours.looks) == 3
    for one, other in zip(theirs.looks, ours.looks, strict=True):
        assert (one.key, one.shown) == (other.key, other.shown) == (other.key, 0.3)
        np.testing.assert_array_equal(one.persona, other.persona)
        np.testing.assert_allclose(one.five, other.five, atol=1e-3)
        shown = np.abs(one.sharp.astype(int) - one.plain).max(axis=2) > 0
        for cpus, cards in ((one.plain, other.plain), (one.sharp, other.sharp)):
            assert np.abs(cpus.astype(int) - cards)[shown].max() <= 3
    first = ours.looks[0].sharp.copy()
    rigged.on_the_card(card, scene(9), blend=0.7)
    np.testing.assert_array_equal(ours.looks[0].sharp, first)
    close(rigged, card)
    assert rigged.device.held() == {}


def test_the_keeper_is_asked_seldom_and_nothing_comes_down_else(rig: Rigs) -> None:
    rigged, keeper = rig(colour=0.0, enhancer="gpen_bfr_256"), Told(1.0)
    card = rigged.card(keeper)
    keeper.ready = False
    for _ in range(2):
        # From the third frame on a graph is replayed.
        rigged.on_the_card(card, scene())
    before = rigged.device.moved["down"]
    rigged.on_the_card(card, scene())
    usual = rigged.device.moved["down"] - before
    assert not keeper.looks
    keeper.ready = True
    before += usual
    rigged.on_the_card(card, scene())
    assert rigged.device.moved["down"] - before == usual + 2 * 256 * 256 * 3
    card.adapt(Tier("nth", sharpen_every=3))
    for _ in range(6):
        rigged.on_the_card(card, scene())
    assert len(keeper.looks) == 3
    rigged.on_the_card(card, scene(), blend=0.0)
    assert len(keeper.looks) == 3, "nothing is sharpened"
    close(rigged, card)


def test_the_vector_follows_the_head_as_on_the_cpu(rig: Rigs) -> None:
    """Also on the way from one vector to the next, which is another one in each frame."""
    rigged, sources = rig(colour=0.0), angled_sources(rows_of())
    identity = NeuralIdentity(IdentityKind.EMAP, sources.sources[0], rows_of()[0], sources)
    ann = replace(persona_of(source_of(1)), identity={rigged.how.swapper: identity})
    cpu, card, seen = rigged.cpu(), rigged.card(), []
    for number in range(25):
        rigged.now_ns += STEP_NS
        face = looking(0 if number < 2 else 40)
        wanted = rigged.on_cpu(cpu, scene(), face=face, persona=ann)
        found = rigged.on_the_card(card, scene(), face=face, persona=ann)
        assert apart(found, wanted)[0] <= 2
        seen.append(found)
    assert apart(seen[2], seen[-1])[0] > 2
    assert len({picture.tobytes() for picture in seen}) > 5
    assert apart(seen[-2], seen[-1])[0] == 0
    assert rigged.device.calls["replay"] == 24, "one graph serves all angles"
    close(rigged, card)


def test_what_sharpens_lifts_roundings_but_no_more(rig: Rigs) -> None:
    """A kernel of 5 and four times -1 makes up to nine of one level on its way in."""
    rigged = rig(enhancer="gfpgan_1.4", sharpens=True, boost=2)
    wanted = rigged.on_cpu(rigged.cpu(), scene())
    most, mean = apart(rigged.on_the_card(rigged.card(), scene()), wanted)
    assert most <= 6
    assert mean < 0.1


@pytest.mark.parametrize("enhancer", [None, "gpen_bfr_256"])
@pytest.mark.parametrize(
    "five", [five_at(30, 100, 200), five_at(600, 340, 240, -40), five_at(320, 180, 700)], ids=["left", "corner", "near"]
)
def test_faces_at_the_edge_look_as_on_the_cpu(five: Points, enhancer: str | None, rig: Rigs) -> None:
    rigged = rig(enhancer=enhancer, occlusion=True)
    wanted = rigged.on_cpu(rigged.cpu(), scene(), face=face_of(five))
    most, mean = apart(rigged.on_the_card(rigged.card(), scene(), face=face_of(five)), wanted)
    assert most <= 3
    assert mean < 0.3


def test_nothing_beside_the_face_is_touched(rig: Rigs) -> None:
    rigged = rig(enhancer="gfpgan_1.4")
    picture, bare = rigged.on_the_card(rigged.card(), scene()), rigged.bare(scene())
    luma = (picture != bare)[: SIZE.height]
    assert not luma[:, :180].any()
    assert not luma[:, 460:].any()
    assert luma[150:210, 290:350].mean() > 0.95


def test_frames_of_another_size_need_no_other_graph(rig: Rigs) -> None:
    rigged = rig(enhancer="gpen_bfr_256", occlusion=True)
    cpu, card = rigged.cpu(), rigged.card()
    for number, size in enumerate([SIZE, SIZE, Size(480, 300), Size(480, 300), SIZE]):
        image = cv2.resize(scene(number), size).astype(np.uint8)
        face = face_of(five_at(240, 150, 180))
        rigged.now_ns += STEP_NS
        wanted, found = rigged.on_cpu(cpu, image, face=face), rigged.on_the_card(card, image, face=face)
        assert apart(found, wanted)[0] <= 3
    assert rigged.device.calls["end_capture"] == 1


def test_a_network_that_cannot_be_noted_runs_step_by_step_to_the_same_picture(rig: Rigs) -> None:
    rigged = rig(enhancer="gpen_bfr_256", occlusion=True, regions=True)
    card = rigged.card()
    noted = [rigged.on_the_card(card, scene()) for _ in range(3)]
    assert rigged.device.calls["replay"] == 2
    other = rigged.card()
    rigged.engines["xseg_1"].capturable = False
    for picture in noted:
        np.testing.assert_array_equal(rigged.on_the_card(other, scene()), picture)
    assert rigged.device.calls["replay"] == 2


@pytest.mark.parametrize("call", ["begin_capture", "end_capture"])
def test_a_card_that_refuses_to_note_runs_step_by_step_and_says_so(
    call: str, rig: Rigs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rigged = rig()
    card, device, real = rigged.card(), rigged.device, getattr(rigged.device, call)
    asked: list[int] = []

    def refuse(stream: int) -> int:
        asked.append(stream)
        if len(asked) == 1:
            raise DeviceError("The card refused to note.")
        found: int = real(stream)
        return found

    monkeypatch.setattr(device, call, refuse)
    pictures = [rigged.on_the_card(card, scene()) for _ in range(4)]
    for picture in pictures:
        np.testing.assert_array_equal(picture, pictures[0])
    assert device.calls["replay"] == 0
    assert caplog.text.count("run step by step") == 1


def test_rubbish_of_a_masker_is_not_mixed_into_the_next_mask(rig: Rigs) -> None:
    broken = False
    rigged = rig(occlusion=True, spoil={"xseg_1": lambda _, tensor: np.full_like(tensor, np.nan) if broken else tensor})
    card = rigged.card()
    wanted = rigged.on_the_card(card, scene())
    broken = True
    rigged.now_ns += STEP_NS
    with pytest.raises(ContractError):
        rigged.on_the_card(card, scene())
    broken = False
    rigged.now_ns += STEP_NS
    assert apart(rigged.on_the_card(card, scene()), wanted)[0] <= 1


def test_maskers_see_the_crop_averaged_as_on_the_cpu(rig: Rigs) -> None:
    """A boosted crop of 1024 px, full of noise, in a network of 256."""
    rigged = rig(boost=8, batch=64, occlusion=True, spoil={"xseg_1": lambda _, tensor: tensor})
    noisy = np.random.default_rng(0).integers(64, 192, scene().shape).astype(np.uint8)
    face = face_of(five_at(320, 180, 340))
    rigged.on_cpu(rigged.cpu(), noisy, face=face)
    rigged.on_the_card(rigged.card(), noisy, face=face)
    wanted, found = (each.fed[-1]["picture"].astype(np.float32) for each in rigged.spoilt)
    assert np.abs(found - wanted).max() * 255 < 3  # OpenCV warps to 1/32 px
    assert np.abs(found - wanted).mean() * 255 < 0.6


def test_where_nothing_was_measured_nothing_is_learnt() -> None:
    memory, status = ColourMemory(), Status()
    learn(memory, status, STEP_NS)
    assert memory.calm(2 * STEP_NS) == 1  # still to be found afresh
    status.colours.measured, status.colours.transfer.shift[1] = 1, 5.0
    learn(memory, status, STEP_NS)
    assert memory.transfer is not None
    assert memory.transfer.shift.tolist() == [0, 5, 0]
    assert memory.calm(2 * STEP_NS) < 1


def test_a_landmark_mask_goes_up_with_the_box(rig: Rigs) -> None:
    """An open mouth stays the wearer's own."""
    rigged = rig(placed=(MouthKeeper(),))
    points = np.tile(FACE.landmarks.five.mean(axis=0), (68, 1)).astype(np.float32)
    five = FACE.landmarks.five
    points[36:42], points[42:48], points[30], points[48], points[54] = five
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    points[60:68] = five[3:].mean(axis=0) + 18 * np.stack([-np.cos(turn), -np.sin(turn)], axis=1)
    face = Face(FACE.box, Landmarks(points, Topology.FAN68), np.zeros(68, np.float32), 1.0, 1)
    wanted, card = rigged.on_cpu(rigged.cpu(), scene(), face=face), rigged.card()
    found = [rigged.on_the_card(card, scene(), face=face) for _ in range(3)]
    assert max(apart(each, wanted)[0] for each in found) <= 2
    x, y = five[3:].mean(axis=0).astype(int)
    mouth = np.s_[y - 3 : y + 4, x - 3 : x + 4]
    np.testing.assert_array_equal(found[-1][mouth], rigged.bare(scene())[mouth])


def test_an_identity_goes_up_once_for_each_persona(rig: Rigs) -> None:
    rigged = rig(colour=0.0)
    card, device = rigged.card(), rigged.device
    ann, bea = persona_of(source_of(1)), persona_of(source_of(0, 1), digest="e")
    pictures, ups = [], []
    for persona in (ann, ann, ann, bea, bea, ann):
        before = device.calls["upload"]
        pictures.append(rigged.on_the_card(card, scene(), persona=persona))
        ups.append(device.calls["upload"] - before)
    assert ups[2] + 1 == ups[3] == ups[5]
    assert ups[4] == ups[2]
    np.testing.assert_array_equal(pictures[2], pictures[5])
    assert apart(pictures[3], pictures[2])[0] > 20


def test_colours_follow_each_wearer_as_on_the_cpu(rig: Rigs) -> None:
    """Small changes slowly, another light at once, another wearer or persona afresh, and afresh after a reset."""
    rigged = rig()
    cpu, card = rigged.cpu(), rigged.card()
    steps = [(1, 0, "d", 1), (1, 3, "d", 1), (2, 3, "d", 1), (1, 6, "e", 1), (1, 9, "e", 1), (1, 60, "e", 1)]
    steps += [(1, 57, "e", 1), (1, 54, "e", 1), (1, 51, "e", 30)]
    for number, (track, lighter, digest, later) in enumerate(steps):
        rigged.now_ns += later * STEP_NS
        image = np.clip(scene().astype(int) + lighter, 0, 255).astype(np.uint8)
        worn: Worn = {
            "face": face_of(FACE.landmarks.five, track),
            "persona": persona_of(source_of(1, 0.3), digest=digest),
        }
        if number == 6:
            cpu.reset()
            card.reset()
        assert apart(rigged.on_the_card(card, image, **worn), rigged.on_cpu(cpu, image, **worn))[0] <= 2


def test_tiers_mean_what_they_mean_on_the_cpu(rig: Rigs) -> None:
    rigged = rig(enhancer="gfpgan_1.4", small="gpen_bfr_256", occlusion=True)
    cpu, card = rigged.cpu(), rigged.card()
    every = [Tier(FULL), Tier("2nd", sharpen_every=3), Tier("small", Sharpening.SMALL, 2), Tier("bare", mask=False)]
    runs = []
    for tier in (*every, every[0]):
        cpu.adapt(tier)
        card.adapt(tier)
        for number in range(4):
            rigged.now_ns += STEP_NS
            image = np.clip(scene().astype(int) + 2 * number, 0, 255).astype(np.uint8)
            assert apart(rigged.on_the_card(card, image), rigged.on_cpu(cpu, image))[0] <= 4
        runs.append(
            (rigged.engines["gfpgan_1.4"].runs, rigged.engines["gpen_bfr_256"].runs, rigged.engines["xseg_1"].runs)
        )
    assert np.diff(runs, axis=0).tolist() == [[1, 0, 4], [0, 2, 4], [4, 0, 0], [4, 0, 4]]


def test_a_blend_of_0_runs_no_enhancer(rig: Rigs) -> None:
    rigged = rig(enhancer="gfpgan_1.4")
    plain = rigged.on_cpu(rigged.cpu(), scene(), blend=0.0)
    assert apart(rigged.on_the_card(rigged.card(), scene(), blend=0.0), plain)[0] <= 2
    assert rigged.engines["gfpgan_1.4"].runs == 0


def test_rubbish_leaves_no_detail(rig: Rigs) -> None:
    broken = False
    spoil = {"gpen_bfr_256": lambda _, tensor: np.full_like(tensor, np.nan) if broken else tensor}
    rigged = rig(enhancer="gpen_bfr_256", spoil=spoil)
    card = rigged.card()
    card.adapt(Tier("3rd", sharpen_every=3))
    ann, bea = persona_of(source_of(1)), persona_of(source_of(0, 1), digest="e")
    rigged.on_the_card(card, scene(), persona=ann)
    rigged.on_the_card(card, scene(), persona=ann)
    assert rigged.engines["gpen_bfr_256"].runs == 1
    broken = True
    with pytest.raises(ContractError):
        rigged.on_the_card(card, scene(), persona=bea)
    with pytest.raises(ContractError):  # and not with what the rubbish left
        rigged.on_the_card(card, scene(), persona=ann)


def test_it_says_how_long_each_stage_took(rig: Rigs) -> None:
    rigged = rig()
    card = rigged.card()
    rigged.on_the_card(card, scene())
    assert list(card.stages()) == ["prepare", "swap", "paint"]


class Drawn(Rig):
    """Over networks with the layers of the published ones and drawn weights, at a sixteenth of their width."""

    def swapper_file(self) -> Path:
        return self._written(self.how.swapper)

    def enhancer_file(self, name: str) -> Path:
        return self._written(name)

    def _written(self, name: str) -> Path:
        path = self.folder / f"{name}.onnx"
        if not path.exists():
            write(name, path, 16)
        return path


def test_networks_with_the_published_layers_make_the_same_picture(device: HostDevice, tmp_path: Path) -> None:
    """They add up what differs by rounding on the way in."""
    rigged = Drawn(device, tmp_path, How(boost=2, enhancer="gpen_bfr_256"))
    cpu, card = rigged.cpu(), rigged.card()
    for _ in range(3):
        rigged.now_ns += STEP_NS
        most, mean = apart(rigged.on_the_card(card, scene()), rigged.on_cpu(cpu, scene()))
        assert most <= 2
        assert mean < 0.1
