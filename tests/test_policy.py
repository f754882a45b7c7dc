"""The policy file: who may write it, what may be in it, and what it locks."""

import contextlib
import os
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.app.registry import SINKS
from livecam.config import SETTINGS, Config, Language, Layer, Policy, load
from livecam.config.policy import OUTPUTS
from livecam.config.policy_file import KEYS, NOTHING, PolicyError, installed, parsed, place
from livecam.core.persona import Basis, Consent, Persona
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
    apply,
)

DOCS = Path(__file__).parents[1] / "docs" / "policy.md"
DIGEST = "ab" * 32


def policy_of(text: str) -> Policy:
    return parsed(text.encode(), Path("policy.toml"))


def persona(
    name: str = "ann", digest: str = DIGEST, basis: Basis = Basis.SELF, photos: tuple[str, ...] = ()
) -> Persona:
    return Persona(name, {}, Consent(basis, "", "2026-11-21T00:00:00+00:00", photos), digest)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where a policy of this user's own is taken for the administrator's."""
    path = tmp_path / "livecam" / "policy.toml"
    path.parent.mkdir(mode=0o755)
    path.write_text("[label]\nrequired = true\n")
    path.chmod(0o644)
    return path


def read(path: Path) -> Policy:
    return installed(path, os.getuid())


def test_without_a_file_nothing_is_locked(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path / "no" / "folder.toml"):
        assert read(path) is NOTHING
    assert list(NOTHING.locks()) == list(NOTHING.lines()) == []


def test_the_place_is_the_systems_and_no_variable_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = place()
    for name in ("LIVECAM_POLICY", "LIVECAM_DATA", "LIVECAM_CONFIG", "XDG_CONFIG_DIRS", "HOME", "ProgramData"):
        monkeypatch.setenv(name, "/tmp/mine")
    assert place() == before
    assert before.is_absolute()


def test_a_file_of_the_administrator_is_followed(here: Path) -> None:
    policy = read(here)
    assert policy.label_required
    assert policy.place == here
    assert len(policy.digest) == 64


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
class TestWhoseItIs:
    """Whatever others could have written is refused, and refused is not: no policy."""

    @pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
    def test_writable_by_others(self, here: Path, mode: int) -> None:
        here.chmod(mode)
        with pytest.raises(PolicyError, match=r"can be written by others\. sudo chmod 644"):
            read(here)

    def test_somebody_elses(self, here: Path) -> None:
        if os.getuid() == 0:
            os.chown(here, 12345, -1)
        with pytest.raises(PolicyError, match="does not belong to the administrator"):
            installed(here, owner=0)

    def test_a_link(self, here: Path) -> None:
        real = here.with_name("real.toml")
        here.rename(real)
        here.symlink_to(real)
        with pytest.raises(PolicyError, match="it is a link"):
            read(here)
        real.unlink()
        with pytest.raises(PolicyError, match="it is a link"):
            read(here)

    def test_in_a_folder_that_is_a_link(self, here: Path) -> None:
        here.parent.rename(here.parent.with_name("real"))
        here.parent.symlink_to(here.parent.with_name("real"))
        with pytest.raises(PolicyError, match="could be replaced by others"):
            read(here)

    def test_in_a_folder_that_others_may_write(self, here: Path) -> None:
        here.parent.chmod(0o777)
        with pytest.raises(PolicyError, match=r"could be replaced by others.*chmod 755"):
            read(here)

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_no_file(self, here: Path, make: object) -> None:
        here.unlink()
        assert callable(make)
        make(here)
        with pytest.raises(PolicyError, match="is no file"):
            read(here)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[lable]\nrequired = true", r"unknown section \[lable\]\. Did you mean 'label'"),
        ("[label]\nrequird = true", r"unknown key 'label\.requird'\. Did you mean 'label\.required'"),
        ("[label]\nrequired = 1", "must be true or false"),
        ('[label]\nlanguage = "xx"', r"label\.language in the policy policy\.toml must be one of"),
        ("label = true", r"must be a section, written \[label\]"),
        ('[personas]\nallowed = "ann"', "must be a list of texts"),
        ('[personas]\nallowed = [""]', "names of personas"),
        (f'[personas]\nallowed = ["{"g" * 64}"]', "names of personas"),
        ('[outputs]\nallowed = ["virtualcm"]', r"'virtualcm', which is no output\. Did you mean 'virtualcam'"),
        ('[outputs]\nallowed = ["plugin:"]', "which is no output"),
        ('[consent]\nrequired_basis = ["selfie"]', "Did you mean 'self'"),
        ("[audit]\nkeep_days = 0", "must lie in 1 to 36500 days"),
        ("[label", "is not valid TOML"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("x" * (1 << 20) + "yz", "larger than 1 MiB"),
    ],
)
def test_nonsense_is_an_error(text: str, told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        policy_of(text)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_an_error(data: bytes) -> None:
    with contextlib.suppress(PolicyError):
        parsed(data, Path("policy.toml"))


def test_every_key_is_in_the_documents_and_the_example_there_is_a_policy() -> None:
    text = DOCS.read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    named = {f"{section}.{key}" for section, body in tomllib.loads(example).items() for key in body}
    assert named == set(KEYS)
    policy = policy_of(example)
    assert {key for key, _ in policy.lines()} == set(KEYS), "each line of the example locks something"
    told = dict(policy.lines())
    assert told["label.required"] == "true"
    assert re.fullmatch(r"[\d.]+", told["audit.keep_days"])
    assert {field for field, _ in KEYS.values()} == {field.name for field in fields(Policy)} - {"place", "digest"}


def test_every_kind_of_sink_can_be_allowed() -> None:
    assert set(SINKS) <= set(OUTPUTS)


def test_locks_are_a_layer_above_flags() -> None:
    policy = policy_of(
        "[label]\nrequired = true\ntext = 'AI'\nlanguage = 'de'\n[passthrough]\nallowed = false\n"
        "[audit]\nrequired = true\nkeep_days = 30\n[provenance]\nrequired = true\n[outputs]\nallowed = ['virtualcam']\n"
    )
    wishes = {
        "label.shown": "no",
        "label.text": "me",
        "privacy.passthrough": "yes",
        "audit.enabled": "no",
        "panel.enabled": "yes",
        "provenance.sign": "no",
    }
    resolved = load(wishes, Path(os.devnull), {}, policy)
    config = resolved.config
    assert (config.label.shown, config.label.text, config.label.language) == (True, "AI", Language.DE)
    assert (config.privacy.passthrough, config.audit.enabled, config.audit.keep_days) == (False, True, 30.0)
    assert (config.panel.enabled, config.provenance.sign) == (False, True)
    assert str(resolved.origins["label.shown"]) == "policy policy.toml"
    assert {path for path, origin in resolved.origins.items() if origin.layer is Layer.POLICY} == set(
        dict(policy.locks())
    )
    assert load(wishes, Path(os.devnull), {}, NOTHING).config.label.shown is False


def test_what_looks_for_nudity_and_age_can_be_neither_taken_away_nor_blunted() -> None:
    policy = policy_of("[content]\nnudity = ['nudenet_320n']\nminors = 'genderage'\n")
    wishes = {"safety.nudity": "none", "safety.minors": "none", "safety.nudity_limit": "100"}
    safety = load(wishes, Path(os.devnull), {}, policy).config.safety
    assert (safety.nudity, safety.minors, safety.nudity_limit) == (("nudenet_320n",), "genderage", None)
    assert load(wishes, Path(os.devnull), {}, NOTHING).config.safety.nudity == ()


def test_a_policy_that_cannot_be_followed_stops_whatever_reads_the_configuration(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.chmod(0o666)
    monkeypatch.setattr("livecam.config.policy_file.place", lambda: here)
    with pytest.raises(PolicyError):
        load({}, Path(os.devnull), {})


STRICT = policy_of(
    "[label]\nrequired = true\n[passthrough]\nallowed = false\n[personas]\nallowed = ['ann', 'nobody']\n"
    "[outputs]\nallowed = ['virtualcam', 'plugin:theirs']\n[recordings]\nallowed = false\n"
)

COMMANDS: list[Command] = [
    *(Panic(), Hold(), Release(), Resume()),
    *(SetLabel(True), SetLabel(False), SetMode(Mode.SWAP), SetMode(Mode.PASSTHROUGH)),
    *(SetPersona("ann"), SetPersona("bob"), SetOthers(Others.LEAVE)),
    *(SetShape(0.1), SetEyes(Eyes.AUTO), SetSteadiness(0.1), SetBlend(0.1)),
]


def test_just_what_is_forbidden_is_refused() -> None:
    worn = Settings(persona="ann")
    refused = [command for command in COMMANDS if STRICT.refusal_of(command, worn)]
    assert refused == [SetLabel(False), SetMode(Mode.PASSTHROUGH), SetPersona("bob")]
    assert STRICT.refusal_of(SetLabel(False), worn) == "Your organisation's policy forbids to switch the label off."
    assert "Allowed: ann, nobody." in STRICT.refusal_of(SetPersona("bob"), worn)
    assert STRICT.refusal_of(Resume(), Settings(persona="bob"))
    assert not any(NOTHING.refusal_of(command, Settings(persona="bob")) for command in COMMANDS)


@settings(deadline=None)
@given(st.sampled_from(COMMANDS), st.booleans(), st.booleans(), st.sampled_from(["ann", "bob", "nobody"]))
def test_nothing_that_tightens_is_refused(command: Command, label: bool, passing: bool, name: str) -> None:
    now = Settings(persona=name, label=label, mode=Mode.PASSTHROUGH if passing else Mode.SWAP)
    if command in (Panic(), Hold(), SetLabel(True), SetMode(Mode.SWAP), SetOthers(Others.WITHHOLD)):
        assert STRICT.refusal_of(command, now) == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(COMMANDS), max_size=30))
def test_no_orders_in_any_order_lead_out_of_the_policy(commands: list[Command]) -> None:
    now = Settings(persona="ann")
    for command in commands:
        if not STRICT.refusal_of(command, now):
            now = apply(now, command)
        assert now.label
        assert now.mode is Mode.SWAP
        assert now.persona == "ann"


def test_personas_by_name_by_digest_and_by_photo() -> None:
    by_digest, by_photo = policy_of(f"[personas]\nallowed = ['{DIGEST.upper()}']"), "cd" * 32
    assert by_digest.refusal_of_persona(persona("whatever")) == ""
    assert "Allowed: abababababab…" in by_digest.refusal_of_persona(persona("ann", "00"))
    assert by_digest.allows_name("ann"), "which one it is shows when it is loaded"
    photos = policy_of(f"[personas]\nallowed = ['{by_photo}']")
    assert photos.refusal_of_persona(persona(photos=(by_photo,))) == ""
    assert photos.refusal_of_persona(persona(photos=(by_photo, "00")))
    assert STRICT.refusal_of_persona(persona("bob"))
    assert STRICT.refusal_of_persona(persona("ann")) == ""


def test_the_basis_of_the_consent() -> None:
    policy = policy_of("[consent]\nrequired_basis = ['written', 'licensed']")
    assert policy.refusal_of_persona(persona(basis=Basis.LICENSED)) == ""
    assert policy.refusal_of_persona(persona()).endswith("'self', and has to be written or licensed.")


def test_outputs() -> None:
    assert [kind for kind in OUTPUTS if STRICT.allows_output(kind)] == [
        "virtualcam",
        "memory",
        "stamps",
        "null",
        "auto",
    ]
    assert STRICT.allows_output("theirs")
    assert "to send pictures to 'web'. Allowed: virtualcam" in STRICT.refusal_of_output("web")
    assert all("in files" in STRICT.refusal_of_output(kind) for kind in ("record", "snapshot", "swap", "studio"))
    assert "to send pictures to 'studio'" in policy_of("[outputs]\nallowed = ['swap']").refusal_of_output("studio")
    assert STRICT.refusal_of_output("virtualcam") == ""
    assert all(map(NOTHING.allows_output, (*OUTPUTS, "theirs")))


def test_only_settings_that_there_are_are_locked() -> None:
    everything = Policy(
        True, "AI", Language.DE, False, ("ann",), False, ("web",), ("self",), True, 3.0, False, 3.0, True, ("a",), "b"
    )
    assert set(dict(everything.locks())) <= set(SETTINGS)
    assert load({}, Path(os.devnull), {}, NOTHING).config == Config()
