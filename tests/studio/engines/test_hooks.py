"""Hooks come and go without a trace, and only count when they should."""

from collections.abc import Iterator
from functools import cache

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.hooks import RemovableHandle  # noqa: E402

from livecam.studio.engines.adapters import Adapters  # noqa: E402
from livecam.studio.engines.hooks import (  # noqa: E402
    WHOLE,
    AttentionHook,
    Clock,
    Hook,
    IdentityHooks,
    LandmarksHook,
    Span,
    TokensHook,
)
from livecam.studio.engines.tiny_models import DOUBLE, SINGLE, WIDTH, tiny_adapters, tiny_transformer  # noqa: E402


@pytest.fixture(scope="module")
def transformer() -> nn.Module:
    return tiny_transformer()


def inputs(tokens: int = 16) -> dict[str, object]:
    """What the pipeline calls the transformer with."""
    source = torch.Generator().manual_seed(3)
    return {
        "hidden_states": torch.randn(1, tokens, 16, generator=source),
        "encoder_hidden_states": torch.randn(1, 5, WIDTH, generator=source),
        "pooled_projections": torch.randn(1, WIDTH, generator=source),
        "timestep": torch.tensor([0.7]),
        "guidance": torch.tensor([3.5]),
        "img_ids": torch.zeros(tokens, 3),
        "txt_ids": torch.zeros(5, 3),
        "return_dict": False,
    }


@torch.no_grad()
def out(transformer: nn.Module) -> torch.Tensor:
    return transformer(**inputs())[0]


def tokens(count: int) -> torch.Tensor:
    return torch.randn(1, count, WIDTH, generator=torch.Generator().manual_seed(4))


@cache
def loaded() -> Adapters:
    return tiny_adapters()


def hooks(scale: float, span: Span = WHOLE) -> tuple[Hook, Hook, Hook]:
    """One of each."""
    adapters = loaded()
    assert adapters.tokens is not None
    assert adapters.pulid is not None
    picture = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(5))
    return (
        TokensHook(adapters.tokens.ip_adapter, tokens(4), scale, span),
        AttentionHook(adapters.pulid.pulid_ca, tokens(8), scale, span),
        LandmarksHook(adapters.control, picture, tokens(8), scale, span),
    )


def hanging(transformer: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in transformer.modules())


@pytest.mark.parametrize("index", range(3))
def test_a_hook_counts_while_it_hangs_and_no_longer(transformer: nn.Module, index: int) -> None:
    stock = out(transformer)
    with IdentityHooks(transformer, [hooks(1.0)[index]], Clock(4, 0)):
        assert not torch.equal(out(transformer), stock)
    assert torch.equal(out(transformer), stock)
    assert hanging(transformer) == 0


@pytest.mark.parametrize("index", range(3))
def test_at_scale_0_the_output_is_the_same_bit_for_bit(transformer: nn.Module, index: int) -> None:
    stock = out(transformer)
    with IdentityHooks(transformer, [hooks(0.0)[index]], Clock(4, 0)):
        assert torch.equal(out(transformer), stock)


@pytest.mark.parametrize("index", range(3))
def test_outside_its_span_the_output_is_the_same_bit_for_bit(transformer: nn.Module, index: int) -> None:
    stock = out(transformer)
    with IdentityHooks(transformer, [hooks(1.0, Span(0.25, 0.75))[index]], Clock(4, 0)):
        same = [torch.equal(out(transformer), stock) for _ in range(4)]
    assert same == [True, False, False, True]


def test_steps_that_are_skipped_count_in_the_schedule(transformer: nn.Module) -> None:
    stock = out(transformer)
    with IdentityHooks(transformer, [hooks(1.0, Span(0.75))[1]], Clock(4, 2)):
        same = [torch.equal(out(transformer), stock) for _ in range(2)]
    assert same == [True, False]


def test_an_error_in_between_takes_the_hooks_away(transformer: nn.Module) -> None:
    most = []

    def interrupted() -> None:
        most.append(hanging(transformer))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), IdentityHooks(transformer, hooks(1.0), Clock(4, 0)):
        interrupted()
    assert most[0] > 0
    assert hanging(transformer) == 0


def test_a_hook_that_cannot_be_hung_up_leaves_none_hanging(transformer: nn.Module) -> None:
    class Broken:
        def attach(self, transformer: nn.Module, clock: Clock) -> Iterator[RemovableHandle]:
            yield transformer.register_forward_hook(lambda *_: None)
            raise ValueError("no place")

    with (
        pytest.raises(ValueError, match="no place"),
        IdentityHooks(transformer, [hooks(1.0)[0], Broken()], Clock(4, 0)),
    ):
        raise AssertionError
    assert hanging(transformer) == 0


def test_too_few_or_too_many_parts_are_an_error(transformer: nn.Module) -> None:
    adapters = loaded()
    assert adapters.tokens is not None
    short = TokensHook(adapters.tokens.ip_adapter[:-1], tokens(4), 1.0)
    with pytest.raises(ValueError, match="shorter"), IdentityHooks(transformer, [short], Clock(4, 0)):
        raise AssertionError


def test_where_pulid_hangs() -> None:
    """After every second double and every fourth single block, the first of each among them."""
    transformer = tiny_transformer()
    with IdentityHooks(transformer, [hooks(1.0)[1]], Clock(4, 0)):
        double = [len(block._forward_hooks) for block in transformer.transformer_blocks]
        single = [len(block._forward_hooks) for block in transformer.single_transformer_blocks]
    assert (DOUBLE, SINGLE) == (3, 5)
    assert double == [1, 0, 1]
    assert single == [1, 0, 0, 0, 1]


def test_what_pulid_adds_is_scaled(transformer: nn.Module) -> None:
    """To the picture's tokens `scale` times what they see in the identity's, and nothing to the text's."""
    hook = hooks(0.5)[1]
    assert isinstance(hook, AttentionHook)
    text, hidden = tokens(3), tokens(6)
    block = nn.Identity()
    block.transformer_blocks, block.single_transformer_blocks = nn.ModuleList(), nn.ModuleList([Pass()])
    with torch.no_grad(), IdentityHooks(block, [AttentionHook(hook.cross[:1], hook.tokens, 0.5)], Clock(1, 1)):
        said, drawn = block.single_transformer_blocks[0]((text, hidden))
    assert torch.equal(said, text)
    assert torch.equal(drawn, hidden + 0.5 * hook.cross[0](hook.tokens, hidden))


class Pass(nn.Module):
    """A block that does nothing."""

    def forward(self, given: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return given
