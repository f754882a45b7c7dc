"""The neural swap of one face on the card: align, mask, swap, match the colours, enhance, judge, paint."""

import time
from collections.abc import Callable, Mapping

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.chain import DeviceChain, Piece, Placed
from livecam.canvas.device.colour import learn
from livecam.canvas.device.mask import DeviceMaskers
from livecam.canvas.device.pace import Pace
from livecam.canvas.device.sharpen import EnhanceNetwork
from livecam.canvas.device.stage import SwapNetwork
from livecam.canvas.device.verdict import refuse_bare, refuse_flat, refuse_rubbish, refuse_unchanged, usable
from livecam.canvas.device.workspace import Graphs
from livecam.core.device import DeviceImage
from livecam.core.face import Face
from livecam.core.frame import Points
from livecam.core.geometry import transform
from livecam.core.ladder import Sharpening, Tier
from livecam.core.persona import Persona
from livecam.core.seams import Canvas
from livecam.core.settings import Settings
from livecam.errors import ContractError
from livecam.vision.color import ColourMemory
from livecam.vision.identity_gate import Key
from livecam.vision.swap.facing import AngleChoices
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.keeper import Keeper, Look
from livecam.vision.swap.paced import Whose
from livecam.vision.wearers import Wearers


class _Wearer:
    """What is learnt about one followed face."""

    def __init__(self) -> None:
        self.colour = ColourMemory()
        self.persona = ""

    def wears(self, digest: str) -> None:
        """Note the persona; the colours of another one have to be found anew."""
        if digest != self.persona:
            self.persona = digest
            self.colour.reset()


class DeviceSwapper:
    """The `Swapper` over networks on a graphics card; it does what `livecam.vision.swap.chain.StageSwapper` does.

    All of a swap but its painting is one graph, which only reads the frame. It ends with a small `Status`, which the
    host waits for and judges; the face is painted after that, and not at all where anything is refused. Where a network
    cannot be noted into a graph, the same steps run one by one. Several faces of a frame replay it one after the other.

    Colours are those of the frame itself, as on the processor: a kernel does the arithmetic between the means and the
    matrix, so that nobody waits in the middle.

    One thread, which has entered the card; the networks are the caller's, and outlive this.

    Args:
        canvas: The frames' canvas; calls with another one are refused.
        key: Of its data in `Persona.identity`: the swapper's recipe.
        swapper: What swaps.
        maskers: What of the swapped crop is shown.
        enhancer: What sharpens; None for nothing. At a `Settings.blend` of 0 it is not run.
        colour: 0..1, how far the swapped crop takes on the wearer's colours.
        now_ns: Monotonic time; colours and masks are smoothed over it.
        small_enhancer: What sharpens on the tiers that ask for a smaller one; None for `enhancer` there too.
        keeper: Limits how much of it is shown, where the face would be less the persona's; None for no limit.

    Raises:
        ValueError: The share of colours is out of range.
        ContractError: A network does not fit its contract.
        DeviceError: The card's memory does not suffice.
    """

    def __init__(
        self,
        canvas: CudaCanvas,
        key: str,
        swapper: SwapNetwork,
        maskers: DeviceMaskers | None = None,
        enhancer: EnhanceNetwork | None = None,
        colour: float = 1.0,
        now_ns: Callable[[], int] = time.monotonic_ns,
        small_enhancer: EnhanceNetwork | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self._keeper = keeper
        if not 0.0 <= colour <= 1.0:
            raise ValueError(f"A share of the wearer's colours lies in 0..1, not {colour}.")
        self._canvas, self._key, self._network, self._now_ns = canvas, key, swapper, now_ns
        masks = maskers or DeviceMaskers()
        enhancers = {Sharpening.FULL: enhancer, Sharpening.SMALL: small_enhancer if enhancer else None}
        chosen = {kind: each for kind, each in enhancers.items() if each is not None}
        engines = [swapper.engine, *(each.engine for each in (*masks.before, *masks.after))]
        engines += [each.engine for each in chosen.values()]
        self._chain = DeviceChain(canvas, swapper, masks, chosen, colour)
        self._graphs = Graphs(canvas.device, canvas.stream, engines)
        self._pace = Pace(frozenset(chosen)) if chosen else None
        self._masked = True
        self._wearers = Wearers(_Wearer)
        self._angles = AngleChoices()
        self._stages: dict[str, int] = {}
        self._mark_ns = 0

    def __call__(self, canvas: Canvas[DeviceImage], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint `persona` over `face`.

        Raises:
            ContractError: The canvas is another one, the face is no usable one, the persona is not prepared for this
                swapper, a network gave rubbish, or too little of the face would be covered. The canvas is untouched.
            DeviceError: The card failed. Nothing that is on it may be shown.
        """
        self._mark_ns = time.perf_counter_ns()
        if canvas is not self._canvas:
            raise ContractError("The swapper on the graphics card was given a canvas that is not its own.")
        identity = self._identity(persona)
        five = usable(face, canvas.pixels.size)
        placed = Placed(face.landmarks, five, self._network.matrix(five), self._now_ns())
        wearer = self._wearers[face.track_id]
        wearer.wears(persona.digest)
        whose = self._limited(Whose(face.track_id, persona.digest, settings.blend))
        piece = self._piece(whose)
        self._chain.prepare(placed, wearer.colour, piece, whose.blend)
        self._chain.stage.wear(self._angles(identity, face, persona.digest, placed.now_ns))
        self._lap("prepare")
        self._graphs(piece, lambda: self._chain.begin(piece))
        self._canvas.device.wait(self._canvas.stream)
        self._lap("swap")
        self._judge(piece)
        self._learn(piece, whose, wearer.colour, placed.now_ns)
        painting = self._chain.painting(piece, placed.matrix)
        canvas.paint(*painting)
        self._lap("paint")
        self._look(piece, whose, transform(painting.matrix, five), identity)

    def reset(self) -> None:
        """Forget every wearer's colours and angle, and the enhancer's detail."""
        self._wearers.clear()
        self._angles.clear()
        if self._pace is not None:
            self._pace.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Adaptable`: the enhancer's size and pace, and whether networks find what covers the face."""
        self._masked = tier.mask
        if self._pace is not None:
            self._pace.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """Duration of each stage of the last call, ns."""
        return self._stages

    def close(self) -> None:
        """Free its memory on the card. Idempotent."""
        self._graphs.close()
        self._chain.close()

    def _identity(self, persona: Persona) -> NeuralIdentity:
        """The persona's data for this swapper.

        Raises:
            ContractError: It has none, or what another network takes.
        """
        identity = persona.identity.get(self._key)
        if not isinstance(identity, NeuralIdentity) or not self._chain.stage.fits(identity.source):
            raise ContractError(f"The persona {persona.name} is not prepared for {self._key}.", "Add it again.")
        return identity

    def _piece(self, whose: Whose) -> Piece:
        """What is to be done with this frame."""
        if self._pace is None or whose.blend <= 0:
            return Piece(self._masked, None, carry=False)
        return Piece(self._masked, self._pace.sharpening, self._pace.carries(whose))

    def _limited(self, whose: Whose) -> Whose:
        """`whose`, with no more of the enhancer than leaves the face the persona's."""
        if self._keeper is None or self._pace is None or whose.blend <= 0:
            return whose
        return whose._replace(blend=self._keeper.allowed(Key(whose.persona, self._pace.sharpening), whose.blend))

    def _look(self, piece: Piece, whose: Whose, five: Points, identity: NeuralIdentity) -> None:
        """Have the keeper look at what was painted, if it is time to and the enhancer ran; `five` px of its crop."""
        keeper, kind = self._keeper, piece.sharpening
        if keeper is None or kind is None or piece.carry or not len(identity.embedding) or not keeper.due():
            return
        plain, sharp = self._chain.compared(kind)
        keeper.look(Look(Key(whose.persona, kind), whose.blend, plain, sharp, five, identity.embedding))

    def _judge(self, piece: Piece) -> None:
        """Refuse what must not be shown; what it taught is forgotten with it.

        Raises:
            ContractError: It must not.
        """
        status, (swapped, sharpened) = self._chain.status, self._chain.looked_at(piece)
        try:
            refuse_rubbish(status)
            refuse_flat(status.swapped, swapped, "swapper")
            refuse_unchanged(status.swapped, swapped, "swapper")
            refuse_bare(status.cover)
            if piece.sharpening is not None and not piece.carry:
                refuse_flat(status.sharpened, sharpened, "enhancer")
        except ContractError:
            self._chain.mask.forget()
            if self._pace is not None:
                self._pace.reset()
            raise

    def _learn(self, piece: Piece, whose: Whose, colour: ColourMemory, now_ns: int) -> None:
        """Keep what a sound frame tells about the next one."""
        learn(colour, self._chain.status, now_ns)
        if self._pace is not None and piece.sharpening is not None:
            self._pace.done(whose, carried=piece.carry)

    def _lap(self, stage: str) -> None:
        """Note that `stage` ends now."""
        now = time.perf_counter_ns()
        self._stages[stage] = now - self._mark_ns
        self._mark_ns = now
