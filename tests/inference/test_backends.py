"""Which backend is taken on which computer, and what is said of the others. No hardware is asked."""

import re

import pytest

from livecam.config import Provider
from livecam.errors import ConfigError
from livecam.inference.backends import (
    RTX_CARDS,
    Backend,
    Outlook,
    Verdict,
    choose,
    embedded_backend,
    order,
    survey,
)
from livecam.inference.card import Card, NoCard
from livecam.inference.plan_key import Flavour
from tests.inference.computers import NO_DRIVER, RTX_3060, PretendComputer, card

EVERY = tuple(backend for backend in Backend if backend is not Backend.REMOTE)
"""All on this computer."""
RTX, TENSORRT, CUDA, DIRECTML, COREML, OPENVINO, CPU = EVERY


def verdict(computer: PretendComputer, backend: Backend) -> Verdict:
    return next(each for each in survey(computer) if each.backend is backend)


def taken(computer: PretendComputer) -> Backend:
    (found,) = [each.backend for each in survey(computer) if each.outlook is Outlook.TAKEN]
    return found


def test_users_name_what_there_is() -> None:
    assert [str(each) for each in Provider] == ["auto", *map(str, Backend)]


def test_a_server_is_never_chosen_by_itself() -> None:
    works = PretendComputer(tuple(Backend))
    assert Backend.REMOTE not in order(works)
    assert choose(Provider.REMOTE, works) is Backend.REMOTE
    with pytest.raises(ConfigError, match="remote was named"):
        choose(Provider.REMOTE, PretendComputer(EVERY))


@pytest.mark.parametrize(
    ("sm", "best_first"),
    [
        *((sm, (RTX, TENSORRT, CUDA)) for sm in (75, 80, 86, 89, 120, 121)),
        *((sm, (TENSORRT, CUDA)) for sm in (87, 90, 100, 103, 110)),
        *((sm, (CUDA,)) for sm in (52, 61, 70)),
    ],
)
def test_each_generation_of_cards_has_its_order(sm: int, best_first: tuple[Backend, ...]) -> None:
    works: list[Backend] = list(EVERY)
    for backend in (*best_first, OPENVINO, CPU):
        assert taken(PretendComputer(works, card(sm))) is backend
        works.remove(backend)


def test_every_backend_is_told_of_once() -> None:
    for computer in (PretendComputer(EVERY, card(90)), PretendComputer(EVERY, card(61)), PretendComputer()):
        assert sorted(each.backend for each in survey(computer)) == sorted(EVERY)
        assert sorted(order(computer)) == sorted(EVERY)


@pytest.mark.parametrize(
    ("system", "best_first"),
    [
        ("Linux", (OPENVINO, CPU)),
        ("Windows", (DIRECTML, OPENVINO, CPU)),
        ("Darwin", (COREML, OPENVINO, CPU)),
    ],
)
def test_without_an_nvidia_card_the_system_decides(system: str, best_first: tuple[Backend, ...]) -> None:
    works: list[Backend] = list(EVERY)
    for backend in best_first:
        assert taken(PretendComputer(works, NO_DRIVER, system)) is backend
        works.remove(backend)


def test_another_card_of_windows_is_used_where_cuda_does_not_start() -> None:
    assert taken(PretendComputer((DIRECTML, CPU), RTX_3060, "Windows")) is DIRECTML


@pytest.mark.parametrize(
    ("computer", "backend", "reason", "step"),
    [
        (PretendComputer(EVERY), RTX, "no NVIDIA driver", ""),
        (PretendComputer(EVERY, NoCard("It is away.", "Put it back.")), CUDA, "It is away", "Put it back"),
        (PretendComputer(EVERY, card(90)), RTX, "knows sm_75, .*sm_121, and Pretend 90 .sm_90. is none", "tensorrt"),
        (PretendComputer(EVERY, card(61)), RTX, "is none of them", ""),
        (PretendComputer(EVERY, card(61)), TENSORRT, "from sm_75 on, and Pretend 61 .sm_61. is older", ""),
        (PretendComputer(EVERY, RTX_3060, python=(3, 11)), RTX, "no package for Python 3.11", "Python 3.12 or 3.13"),
        (PretendComputer(EVERY, card(86, 12_040)), RTX, "CUDA up to 12.4, and 13.0 is needed", "driver 580 or later"),
        (PretendComputer(EVERY, card(90, 12_080)), TENSORRT, "CUDA up to 12.8", "driver 580"),
        (PretendComputer((CPU,), RTX_3060), RTX, "package of rtx is not installed", r"livecam\[rtx\]"),
        (PretendComputer((CPU,), card(86, 12_040)), CUDA, "not installed", r"livecam\[cuda\].*driver 580"),
        (PretendComputer((CPU,), card(86)), CUDA, "not installed", r"livecam\[cuda\]'$"),
        (PretendComputer(EVERY), DIRECTML, "part of Windows", ""),
        (PretendComputer(EVERY, system="Windows"), COREML, "part of macOS", ""),
        (PretendComputer((CPU,)), OPENVINO, "not installed", r"livecam\[openvino\]"),
    ],
)
def test_every_refusal_has_its_reason_and_next_step(
    computer: PretendComputer, backend: Backend, reason: str, step: str
) -> None:
    found = verdict(computer, backend)
    assert found.outlook is Outlook.REFUSED
    assert found.reason.endswith(".")
    asked = Provider(str(backend))
    assert re.search(reason, found.reason)
    assert re.search(step, found.next_step)
    # The reason goes on after a colon.
    with pytest.raises(ConfigError, match=f"backend {backend} was named but cannot be used: .*{reason[1:]}.*{step}"):
        choose(asked, computer)


def test_what_works_and_is_not_first_is_told_how_to_be_had() -> None:
    found = verdict(PretendComputer((CUDA, CPU), RTX_3060), CPU)
    assert (found.outlook, found.next_step) == (Outlook.USABLE, "To have it all the same: --provider cpu")
    assert "cuda comes first" in found.reason


@pytest.mark.parametrize("backend", [RTX, TENSORRT, CUDA])
def test_nothing_of_nvidia_is_loaded_where_the_card_is_not_one_for_it(backend: Backend) -> None:
    """Its libraries are hundreds of megabytes."""
    computer = PretendComputer(EVERY)
    survey(computer)
    assert backend not in computer.started


def test_auto_starts_no_more_than_it_must() -> None:
    computer = PretendComputer(EVERY, RTX_3060)
    assert choose(Provider.AUTO, computer) is RTX
    assert computer.started == [RTX]


def test_a_named_backend_is_taken_though_another_comes_first() -> None:
    assert choose(Provider.CPU, PretendComputer(EVERY, RTX_3060)) is CPU


def test_auto_takes_what_was_measured_while_it_works() -> None:
    computer = PretendComputer((RTX, CUDA, CPU), RTX_3060)
    assert choose(Provider.AUTO, computer, tuned=CUDA) is CUDA
    assert choose(Provider.AUTO, computer, tuned=TENSORRT) is RTX
    assert choose(Provider.RTX, computer, tuned=CUDA) is RTX


def test_what_has_failed_since_is_passed_over_by_auto_alone() -> None:
    computer = PretendComputer((RTX, CUDA, CPU), RTX_3060)
    assert choose(Provider.AUTO, computer, lost={RTX}) is CUDA
    assert choose(Provider.AUTO, computer, tuned=CUDA, lost={RTX, CUDA}) is CPU
    assert choose(Provider.RTX, computer, lost={RTX}) is RTX


def test_a_computer_on_which_nothing_works_is_told() -> None:
    with pytest.raises(ConfigError, match=r"No backend can run networks here.*package of cpu is not installed"):
        choose(Provider.AUTO, PretendComputer(()))
    with pytest.raises(ConfigError, match="All that worked have failed"):
        choose(Provider.AUTO, PretendComputer(), lost=set(Backend))


@pytest.mark.parametrize(
    ("asked", "backend"),
    [
        (Provider.AUTO, CPU),
        (Provider.RTX, CPU),
        (Provider.TENSORRT, CPU),
        (Provider.OPENVINO, CPU),
        (Provider.CUDA, CUDA),
        (Provider.DIRECTML, DIRECTML),
        (Provider.CPU, CPU),
    ],
)
def test_the_embedded_networks_are_never_compiled_nor_run_in_16_bit(asked: Provider, backend: Backend) -> None:
    assert embedded_backend(asked) is backend


def test_plans_are_of_the_flavour_of_the_backend() -> None:
    flavours = {backend: backend.flavour for backend in Backend if backend.flavour is not None}
    assert flavours == {RTX: Flavour.RTX, TENSORRT: Flavour.TENSORRT}


@pytest.mark.tensorrt
def test_the_cards_of_tensorrt_for_rtx_are_those_it_names() -> None:
    bindings = pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX is not installed")
    named = {int(name[2:]) for name in vars(bindings.ComputeCapability) if name.startswith("SM")}
    assert named == set(RTX_CARDS)


def test_a_card_tells_its_generation() -> None:
    assert str(Card("NVIDIA H200", 9, 0, 12_080)) == "NVIDIA H200 (sm_90)"
    assert Card("NVIDIA H200", 9, 0, 12_080).cuda_told == "12.8"
    assert Card("RTX 5090", 12, 0, 13_000).sm == 120
