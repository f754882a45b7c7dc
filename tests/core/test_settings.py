"""Settings: applying is pure, the revision always rises, and tightening privacy always lifts the floor."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.settings import (
    Command,
    Eyes,
    Hold,
    Mode,
    Others,
    Panic,
    Release,
    Resume,
    SetBlend,
    SetEyes,
    SetLabel,
    SetMode,
    SetOthers,
    SetPersona,
    SetShape,
    SetSteadiness,
    Settings,
    SettingsCell,
    apply,
)

UNIT = st.floats(0, 1)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.just(Panic()),
    st.just(Resume()),
    st.just(Hold()),
    st.just(Release()),
    st.builds(SetMode, st.sampled_from(Mode)),
    st.builds(SetOthers, st.sampled_from(Others)),
    st.builds(SetPersona, st.text(max_size=5)),
    st.builds(SetShape, UNIT),
    st.builds(SetEyes, st.sampled_from(Eyes)),
    st.builds(SetSteadiness, UNIT),
    st.builds(SetBlend, st.floats(0, 0.85)),
    st.builds(SetLabel, st.booleans()),
)
STRICT = {Others.LEAVE: 0, Others.BLUR: 1, Others.WITHHOLD: 2}


def tightens(before: Settings, after: Settings) -> bool:
    return (
        (after.panic and not before.panic)
        or (before.mode is Mode.PASSTHROUGH and after.mode is Mode.SWAP)
        or STRICT[after.others] > STRICT[before.others]
        or (after.label and not before.label)
    )


@settings(deadline=None)
@given(st.lists(COMMANDS, max_size=30))
def test_the_floor_follows_every_tightening_and_never_falls(commands: list[Command]) -> None:
    settings = Settings()
    for command in commands:
        after = apply(settings, command)
        assert after.revision == settings.revision + 1
        assert settings.privacy_floor <= after.privacy_floor <= after.revision
        if tightens(settings, after):
            assert after.privacy_floor == after.revision
        settings = after


@settings(deadline=None)
@given(st.lists(COMMANDS, max_size=20), COMMANDS)
def test_apply_is_pure(commands: list[Command], last: Command) -> None:
    settings = Settings()
    for command in commands:
        settings = apply(settings, command)
    copy = Settings(**{name: getattr(settings, name) for name in Settings.__dataclass_fields__})
    assert apply(settings, last) == apply(copy, last)
    assert settings == copy


@pytest.mark.parametrize(
    ("before", "command"),
    [
        (Settings(), Panic()),
        (Settings(panic=True), Resume()),
        (Settings(), Hold()),
        (Settings(panic=True, holding=True), Release()),
        (Settings(mode=Mode.PASSTHROUGH), SetMode(Mode.SWAP)),
        (Settings(others=Others.LEAVE), SetOthers(Others.BLUR)),
        (Settings(others=Others.BLUR), SetOthers(Others.WITHHOLD)),
        (Settings(label=False), SetLabel(True)),
    ],
)
def test_what_tightens_lifts_the_floor_to_the_new_revision(before: Settings, command: Command) -> None:
    after = apply(before, command)
    assert after.privacy_floor == after.revision == 1


@pytest.mark.parametrize(
    "command",
    [
        SetMode(Mode.PASSTHROUGH),
        SetOthers(Others.LEAVE),
        SetPersona("ann"),
        SetShape(0.2),
        SetEyes(Eyes.TARGET),
        SetSteadiness(1.0),
        SetBlend(0.5),
        SetLabel(True),
        SetLabel(False),
        Release(),
    ],
)
def test_what_does_not_tighten_leaves_the_floor(command: Command) -> None:
    assert apply(Settings(), command).privacy_floor == 0


@pytest.mark.parametrize(
    ("commands", "panic"),
    [
        ([Hold()], True),
        ([Hold(), Release()], False),
        ([Hold(), Hold(), Release()], False),
        ([Hold(), Resume()], False),
        ([Panic(), Release()], True),
        ([Panic(), Hold(), Release()], True),
        ([Hold(), Panic(), Release()], True),
        ([Hold(), Resume(), Panic(), Release()], True),
        ([Panic(), Resume(), Release()], False),
    ],
)
def test_letting_go_ends_a_hold_but_never_a_panic(commands: list[Command], panic: bool) -> None:
    settings = Settings()
    for command in commands:
        settings = apply(settings, command)
    assert settings.panic is panic
    assert settings.holding is (panic and not any(isinstance(command, Panic) for command in commands))


def test_every_value_arrives() -> None:
    settings = Settings()
    commands: list[Command] = [SetPersona("ann"), SetShape(0.1), SetEyes(Eyes.AUTO), SetSteadiness(0.9)]
    for command in [*commands, SetBlend(0.3), SetMode(Mode.PASSTHROUGH)]:
        settings = apply(settings, command)
    assert (settings.persona, settings.shape, settings.eyes) == ("ann", 0.1, Eyes.AUTO)
    assert (settings.steadiness, settings.mode, settings.revision) == (0.9, Mode.PASSTHROUGH, 6)
    assert settings.blend == 0.3


@pytest.mark.parametrize("command", [SetShape(1.1), SetShape(-0.1), SetSteadiness(float("nan"))])
def test_values_out_of_range_change_nothing(command: Command) -> None:
    cell = SettingsCell(Settings())
    with pytest.raises(ValueError, match="must lie in"):
        cell.submit(command)
    assert cell.current == Settings()


def test_an_enhancer_at_full_strength_has_to_be_forced() -> None:
    with pytest.raises(ValueError, match=r"plastic; 0\.9 needs --force-blend"):
        apply(Settings(), SetBlend(0.9))
    assert apply(Settings(blend_limit=1.0), SetBlend(0.9)).blend == 0.9


def test_submit_answers_with_what_now_holds() -> None:
    cell = SettingsCell(Settings())
    reply = cell.submit(SetPersona("ann"))
    assert reply.settings is cell.current
    assert reply.revision == 1


def test_commands_from_many_threads_are_all_counted() -> None:
    cell = SettingsCell(Settings())
    threads = [threading.Thread(target=lambda: [cell.submit(SetShape(0.5)) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cell.current.revision == 2_000


def test_every_change_is_told_in_its_order_and_a_refused_one_is_not() -> None:
    cell = SettingsCell(Settings())
    told: list[tuple[float, float]] = []
    cell.changed = lambda before, after: told.append((before.shape, after.shape))
    cell.submit(SetShape(0.1))
    with pytest.raises(ValueError, match="must lie in"):
        cell.submit(SetShape(2.0))
    cell.submit(SetShape(0.2), SetShape(0.3))
    assert told == [(Settings().shape, 0.1), (0.1, 0.3)]


def test_tightening_lifts_the_floor_above_all_that_was_made() -> None:
    cell = SettingsCell(Settings(persona="ann"))
    cell.submit(SetShape(0.5))
    cell.tighten()
    assert (cell.current.revision, cell.current.privacy_floor) == (2, 2)
    assert cell.current.persona == "ann"
    assert not cell.current.panic


def test_an_unknown_command_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        apply(Settings(), object())  # type: ignore[arg-type]
