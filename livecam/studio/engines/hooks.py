"""Identity added to a stock FLUX.1 transformer from outside, and taken away again without a trace.

Nothing of diffusers is changed or copied: forward hooks on modules do it all, so that a pipeline that knows no
ControlNet and no identity works with both, and removing the hooks gives the stock model back bit for bit.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from livecam.studio.engines.pulid import places

Inputs: TypeAlias = dict[str, object]
"""What a module is called with, by name."""

GUIDANCE: Final = 1.0
"""Of the control network (bytedance/InfiniteYou: ``controlnet_guidance_scale``)."""


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where of the whole schedule something is added; 0 is pure noise, 1 the finished picture."""

    start: float = 0.0
    end: float = 1.0

    def holds(self, at: float) -> bool:
        """Whether `at` is in it; the end is not."""
        return self.start <= at < self.end


WHOLE: Final = Span()


class Clock:
    """How far a picture is, counted in calls of the transformer: one a step, as guidance is distilled in FLUX.1.

    Args:
        steps: Of the whole schedule.
        skipped: How many of them are not done, because the picture begins from another.
    """

    def __init__(self, steps: int, skipped: int) -> None:
        self._steps, self._done = steps, skipped - 1

    @property
    def at(self) -> float:
        """Of the step under way, 0..1."""
        return self._done / self._steps

    def tick(self, _module: nn.Module, _inputs: Inputs) -> None:
        """A step begins."""
        self._done += 1


class Hook(Protocol):
    """One way by which an identity enters."""

    def attach(self, transformer: nn.Module, clock: Clock) -> Iterator[RemovableHandle]:
        """Hang it on `transformer`; each handle takes one hook away."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TokensHook:
    """IP-Adapter: after the attention of every double block, what the picture's queries see in the face tokens.

    Attributes:
        blocks: One `livecam.studio.engines.tokens.KeyValue` for each double block.
        tokens: (1, T, width).
        scale: How much it counts.
        span: When.
    """

    blocks: nn.ModuleList
    tokens: torch.Tensor
    scale: float
    span: Span = WHOLE

    def attach(self, transformer: nn.Module, clock: Clock) -> Iterator[RemovableHandle]:
        """See `Hook`."""
        for block, keys in zip(transformer.transformer_blocks, self.blocks, strict=True):
            yield block.attn.register_forward_hook(partial(self._add, keys, clock), with_kwargs=True)

    def _add(
        self,
        keys: nn.Module,
        clock: Clock,
        attention: nn.Module,
        _args: tuple[object, ...],
        inputs: Inputs,
        output: tuple[torch.Tensor, torch.Tensor],
    ) -> tuple[torch.Tensor, ...]:
        """A third output, which the block adds to the picture's tokens after its feed-forward."""
        if not self.span.holds(clock.at):
            return output
        query = attention.to_q(inputs["hidden_states"]).unflatten(-1, (attention.heads, -1))
        return (*output, self.scale * keys(attention.norm_q(query), self.tokens))


@dataclass(frozen=True, slots=True, eq=False)
class AttentionHook:
    """PuLID: between the blocks, what the picture's tokens see in the identity tokens.

    Attributes:
        cross: `livecam.studio.engines.perceiver.CrossAttention` for each place, double blocks first.
        tokens: (1, T, width).
        scale: How much it counts.
        span: When.
    """

    cross: nn.ModuleList
    tokens: torch.Tensor
    scale: float
    span: Span = WHOLE

    def attach(self, transformer: nn.Module, clock: Clock) -> Iterator[RemovableHandle]:
        """See `Hook`."""
        double, single = transformer.transformer_blocks, transformer.single_transformer_blocks
        first, second = places(len(double), len(single))
        blocks = [*(double[index] for index in first), *(single[index] for index in second)]
        for block, cross in zip(blocks, self.cross, strict=True):
            yield block.register_forward_hook(partial(self._add, cross, clock))

    def _add(
        self,
        cross: nn.Module,
        clock: Clock,
        _block: nn.Module,
        _args: tuple[object, ...],
        output: tuple[torch.Tensor, torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        text, hidden = output
        return (text, hidden + self.scale * cross(self.tokens, hidden)) if self.span.holds(clock.at) else output


@dataclass(frozen=True, slots=True, eq=False)
class LandmarksHook:
    """InfiniteYou: a control network sees the five points as a picture and the face tokens as its text.

    What it adds to the blocks goes in as the transformer's own arguments for it, which the pipeline leaves empty.

    Attributes:
        control: diffusers' ``FluxControlNetModel``.
        picture: (1, N, channels): the five points, through the codec and packed as the latents are.
        tokens: (1, T, width).
        scale: How much it counts.
        span: When.
    """

    control: nn.Module
    picture: torch.Tensor
    tokens: torch.Tensor
    scale: float
    span: Span = WHOLE

    def attach(self, transformer: nn.Module, clock: Clock) -> Iterator[RemovableHandle]:
        """See `Hook`."""
        yield transformer.register_forward_pre_hook(partial(self._add, clock), with_kwargs=True)

    def _add(
        self, clock: Clock, _transformer: nn.Module, args: tuple[object, ...], inputs: Inputs
    ) -> tuple[tuple[object, ...], Inputs]:
        if not self.span.holds(clock.at):
            return args, inputs
        double, single = self._residuals(inputs)
        return args, inputs | {"controlnet_block_samples": double, "controlnet_single_block_samples": single}

    def _residuals(self, inputs: Inputs) -> tuple[object, object]:
        same = ("hidden_states", "timestep", "pooled_projections", "img_ids")
        guided = self.control.config.guidance_embeds
        guidance = torch.full((1,), GUIDANCE, device=self.tokens.device) if guided else None
        return self.control(
            **{name: inputs[name] for name in same},
            controlnet_cond=self.picture,
            conditioning_scale=self.scale,
            encoder_hidden_states=self.tokens,
            txt_ids=self.tokens.new_zeros(self.tokens.shape[1], 3),
            guidance=guidance,
            return_dict=False,
        )


class IdentityHooks:
    """While it is entered, `transformer` draws whom `hooks` say; left, it is the stock model again.

    Args:
        transformer: diffusers' ``FluxTransformer2DModel``.
        hooks: What is added; one whose scale is 0 is not hung up at all, so that it changes not one bit.
        clock: Of this picture; made anew for each.
    """

    def __init__(self, transformer: nn.Module, hooks: Sequence[Hook], clock: Clock) -> None:
        self._transformer, self._hooks, self._clock = transformer, hooks, clock
        self._handles = ExitStack()

    def __enter__(self) -> Self:
        """Hang them up; the clock first, as the others read it."""
        with ExitStack() as handles:
            handles.callback(self._transformer.register_forward_pre_hook(self._clock.tick).remove)
            for hook in self._hooks:
                for handle in hook.attach(self._transformer, self._clock):
                    handles.callback(handle.remove)
            self._handles = handles.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take them all away, whatever happened."""
        self._handles.close()
