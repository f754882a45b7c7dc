"""Layers, provenance, and every door a bad value can come in by."""

import contextlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.config import SECTIONS, SETTINGS, Config, Key, Layer, Paths, Provider, Resolved, example_text, load
from livecam.config.registry import TABLES
from livecam.core.frame import Size
from livecam.core.settings import Eyes, Mode, Others
from livecam.core.spec import parse_spec
from livecam.errors import ConfigError

EXAMPLE = Path(__file__).parents[1] / "docs" / "livecam.toml"


@pytest.fixture
def home(tmp_path: Path) -> Mapping[str, str]:
    return {"LIVECAM_DATA": str(tmp_path / "data"), "LIVECAM_CACHE": str(tmp_path / "cache")}


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "my.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def from_file(tmp_path: Path, text: str | bytes) -> Resolved:
    return load(path=written(tmp_path, text), environment={})


def test_defaults_are_safe(home: Mapping[str, str]) -> None:
    config = load(environment=home).config if not Paths.find(home).config_file.exists() else Config()
    assert config == Config()
    assert config.settings.mode is Mode.SWAP
    assert config.settings.persona == "nobody"
    assert config.settings.others is Others.BLUR
    assert config.output_size == Size(1280, 720)
    assert config.output_fps == 30.0


def test_every_default_survives_toml_and_has_its_words() -> None:
    for key in SETTINGS.values():
        kind = key.setting.kind
        literal = tomllib.loads(f"value = {kind.to_toml(key.default)}")["value"]
        assert kind.from_toml(literal) == key.default, key.path
        assert key.setting.help.endswith("."), key.path
        assert kind.allowed, key.path
        assert key.setting.flag.startswith("--"), key.path
    assert len({key.setting.flag for key in SETTINGS.values()}) == len(SETTINGS)
    assert tuple(SECTIONS) == tuple(part.name for part in fields(Config))


def test_example_in_docs_is_the_generated_one() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example_text()


def test_example_parses_and_covers_every_key(tmp_path: Path) -> None:
    assert tomllib.loads(example_text()) == {section: {} for section in SECTIONS}
    active = re.sub(r"(?m)^#([a-z_]+ = )", r"\1", example_text())
    table = tomllib.loads(active)
    named = {f"{section}.{name}" for section, body in table.items() for name in body}
    assert named == set(SETTINGS) - {key.path for key in TABLES.values()}
    assert [f'#{key.setting.kind.name} = "' in example_text() for key in TABLES.values()] == [True, True]  # type: ignore[attr-defined]
    resolved = from_file(tmp_path, active)
    assert resolved.config == Config()
    assert {origin.layer for origin in resolved.origins.values()} == {Layer.FILE}


def test_people_are_a_table_of_the_users_own_names(tmp_path: Path) -> None:
    assert from_file(tmp_path, '[people]\nann = "grace"\n"bob" = ""\n').config.people.worn == (
        ("ann", "grace"),
        ("bob", ""),
    )
    path = written(tmp_path, '[people]\nann = "grace"\n')
    resolved = load({"people.worn": "ann=hal; bob = grace"}, path)
    assert resolved.config.people.worn == (("ann", "hal"), ("bob", "grace"))
    kind = SETTINGS["people.worn"].setting.kind
    assert tomllib.loads(f"x = {kind.to_toml(resolved.config.people.worn)}")["x"] == {"ann": "hal", "bob": "grace"}


@pytest.mark.parametrize("text", ["[people]\nann = 3\n", '[people]\nann.x = "a"\n', '[people]\n"" = "a"\n'])
def test_people_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"\[people\] must"):
        from_file(tmp_path, text)


@pytest.mark.parametrize("text", ["ann", "ann=a;ann=b", "=a"])
def test_wears_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ConfigError, match="--wears must"):
        load({"people.worn": text})


def test_later_layers_win_and_say_so(tmp_path: Path) -> None:
    path = written(tmp_path, '[source]\nsize = "640x480"\nfps = 25\n\n[face]\neyes = "target"\n')
    environment = {"LIVECAM_SOURCE_FPS": "24", "LIVECAM_FACE_EYES": "auto"}
    resolved = load({"face.eyes": "source", "privacy.passthrough": True}, path, environment)
    assert resolved.config.source.size == Size(640, 480)
    assert resolved.config.source.fps == 24.0
    assert resolved.config.face.eyes is Eyes.SOURCE
    assert resolved.config.settings.mode is Mode.PASSTHROUGH
    assert str(resolved.origins["source.size"]) == f"file {path}:2"
    assert str(resolved.origins["source.fps"]) == "environment LIVECAM_SOURCE_FPS"
    assert str(resolved.origins["face.eyes"]) == "flag --eyes"
    assert str(resolved.origins["log.level"]) == "default"
    assert resolved.values["source.fps"] == 24.0
    assert resolved.asked == {"face.eyes", "privacy.passthrough"}


def test_output_follows_the_source_unless_told() -> None:
    followed = load({"source.size": "640x360", "source.fps": "60"}, environment={}).config
    assert (followed.output_size, followed.output_fps) == (Size(640, 360), 60.0)
    own = load({"output.size": "1920x1080", "output.fps": "25"}, environment={}).config
    assert (own.output_size, own.output_fps) == (Size(1920, 1080), 25.0)


def test_sinks_from_all_layers(tmp_path: Path) -> None:
    two = (parse_spec("web:8080"), parse_spec("record:a b.mp4"))
    assert from_file(tmp_path, '[output]\nsinks = ["web:8080", "record:a b.mp4"]').config.output.sinks == two
    assert load(environment={"LIVECAM_OUTPUT_SINKS": "web:8080;record:a b.mp4"}).config.output.sinks == two
    assert load({"output.sinks": ("web:8080", "record:a b.mp4")}, environment={}).config.output.sinks == two
    assert from_file(tmp_path, '[output]\nsinks = "null"').config.output.sinks == (parse_spec("null"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sorce]\nfps = 1", r"unknown section \[sorce\]\. Did you mean 'source'\?"),
        ("[source]\n\nfpss = 1", r"my\.toml:3 has an unknown key 'fpss' in \[source\]\. Did you mean 'fps'\?"),
        ("[log]\nzzzz = 1", r"unknown key 'zzzz' in \[log\]\. Known are level, file\."),
        ("source = 3", r"source must be a section, written \[source\]"),
        ("[[source]]\nfps = 3", r"source must be a section"),
        ("[source]\nfps = 'fast'", r"my\.toml:2: source\.fps must be a number, not 'fast'"),
        ("[source]\nfps = 0", r"source\.fps must lie in 1 to 240 frames/s, not 0"),
        ("[source]\nfps = nan", r"source\.fps must lie in 1 to 240"),
        ("[source]\nfps = true", r"source\.fps must be a number, not True"),
        ("[source]\nfps = 1e999", r"must lie in"),
        ("[source]\nfps = " + "9" * 400, r"must lie in"),
        ("[source]\nfps = " + "9" * 9000, r"not valid TOML"),
        ("[source]\nsize = '1281x720'", r"source\.size must be a size like 1280x720"),
        ("[source]\nsize = [1280, 720]", r"source\.size must be text in quotes"),
        ("[source]\nspec = ''", r"source\.spec must name a source or sink"),
        ("[output]\nsinks = []", r"output\.sinks must name at least one"),
        ("[output]\nsinks = [1]", r"output\.sinks must be text in quotes"),
        ("[face]\neyes = 'blue'", r"face\.eyes must be one of source, target, auto, not 'blue'"),
        ("[face]\nshape = 1.5", r"face\.shape must lie in 0 to 1"),
        ('[face]\npersona = "a\\nb"', r"face\.persona must be one line"),
        ("[privacy]\npassthrough = 'true'", r"privacy\.passthrough must be true or false without quotes"),
        ("[privacy]\npassthrough = 1", r"privacy\.passthrough must be true or false"),
        ("[privacy]\nslate_text = '" + "x" * 5000 + "'", r"must be one line of at most 80"),
        ("[models]\ncache = ''", r"models\.cache must be a path"),
        ('[models]\ncache = "a\\u0000b"', r"models\.cache must be a path"),
        ("[models]\ncache = '~nosuchuserhere/x'", r"models\.cache names an unknown home folder"),
        ("[models]\nprovider = 1979-05-27", r"models\.provider must be text in quotes"),
        ("[source\nfps = 1", r"my\.toml is not valid TOML: .*line 1"),
        ("[source]\nfps = 1\nfps = 2", r"not valid TOML"),
        ("a = " + "[" * 100_000, r"not valid TOML"),
        ("a" * ((1 << 20) + 1), r"larger than 1 MiB"),
        (b"[source]\nspec = '\xff'", r"not UTF-8 text \(byte 17\)"),
        (b"\x00", r"not valid TOML"),
    ],
)
def test_hostile_files_are_refused_in_a_sentence(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        from_file(tmp_path, text)
    assert "my.toml" in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


def test_byte_order_mark_and_inline_tables_are_fine(tmp_path: Path) -> None:
    resolved = from_file(tmp_path, b"\xef\xbb\xbfsource = {fps = 15}\n")
    assert resolved.config.source.fps == 15.0
    assert resolved.origins["source.fps"].place == str(tmp_path / "my.toml")


def test_missing_file_folder_and_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no configuration file"):
        load(path=tmp_path / "absent.toml", environment={})
    with pytest.raises(ConfigError, match="is a folder"):
        load(path=tmp_path, environment={})
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path=tmp_path / "loop", environment={})


def test_users_own_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "livecam.toml"
    monkeypatch.setattr("livecam.config.paths.user_config_path", lambda *_args, **_named: tmp_path)
    assert load(environment={}).file is None
    own.write_text("[source]\nfps = 12\n")
    resolved = load(environment={})
    assert resolved.file == own
    assert resolved.config.source.fps == 12.0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LIVECAM_SOURCE_FPS", "abc", "variable LIVECAM_SOURCE_FPS must be a number"),
        ("LIVECAM_SOURCE_FSP", "3", "unknown variable LIVECAM_SOURCE_FSP. Did you mean 'LIVECAM_SOURCE_FPS'"),
        ("LIVECAM_SORCE_FPS", "3", "unknown variable LIVECAM_SORCE_FPS. Did you mean 'LIVECAM_SOURCE_FPS'"),
        ("LIVECAM_PRIVACY_PASSTHROUGH", "maybe", "must be true or false"),
        ("LIVECAM_OUTPUT_SINKS", " ; ", "must name at least one"),
    ],
)
def test_bad_variables(name: str, value: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(environment={name: value})


def test_other_variables_pass(home: Mapping[str, str]) -> None:
    environment = {**home, "LIVECAM_SHARED": "x", "PATH": "y", "SOURCE_FPS": "z", "LIVECAM_RUN": "1"}
    assert load(environment=environment).config == Config()


def test_bad_flags() -> None:
    with pytest.raises(ConfigError, match="--fps must be a number, not 'x'"):
        load({"source.fps": "x"}, environment={})
    with pytest.raises(ConfigError, match=r"no setting 'source\.fsp'.*Did you mean 'source\.fps'"):
        load({"source.fsp": "1"}, environment={})


def test_words_that_leave_the_choice(tmp_path: Path) -> None:
    given_path = {"models.cache": str(tmp_path), "run.report": "none", "output.fps": "source"}
    config = load(given_path, environment={}).config
    assert config.models.cache == tmp_path
    assert config.run.report is None
    assert config.output.fps is None
    assert load(environment={"LIVECAM_MODELS_CACHE": "~/x"}).config.models.cache == Path("~/x").expanduser()


def test_switch_words() -> None:
    for word, meant in (("1", True), ("Yes", True), ("ON", True), ("0", False), ("false", False)):
        config = load(environment={"LIVECAM_PRIVACY_PASSTHROUGH": word}).config
        assert config.privacy.passthrough is meant


def test_wish_and_settings_carry_the_values() -> None:
    flags = {"source.timeout_s": "5", "face.shape": "0.25", "face.steadiness": "1", "models.provider": "cpu"}
    config = load(flags, environment={}).config
    assert config.wish.timeout_s == 5.0
    assert (config.settings.shape, config.settings.steadiness) == (0.25, 1.0)
    assert config.models.provider is Provider.CPU


def test_paths_follow_the_environment(home: Mapping[str, str], tmp_path: Path) -> None:
    paths = Paths.find(home)
    assert paths.personas == tmp_path / "data" / "personas"
    assert paths.recordings == tmp_path / "data" / "recordings"
    assert paths.models == tmp_path / "cache" / "models"
    assert paths.prepared == tmp_path / "cache" / "personas"
    plain = Paths.find({})
    assert plain.data.name == "livecam"
    assert plain.config_file.name == "livecam.toml"


@settings(deadline=None)
@given(st.sampled_from(list(SETTINGS.values())), st.text(max_size=50))
def test_any_text_is_taken_or_refused(key: Key, text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(load({key.path: text}, environment={}).config, Config)


def test_a_table_of_the_users_own_names_may_stand_beside_other_settings(tmp_path: Path) -> None:
    file = tmp_path / "livecam.toml"
    file.write_text('[bank]\nfade_ms = 150\n[bank.favourites]\n1 = "ann"\n[obs]\nscenes = { "Main scene" = "ann" }\n')
    config = load({}, file, {}).config
    assert config.bank.fade_ms == 150
    assert config.bank.favourites == (("1", "ann"),)
    assert config.obs.scenes == (("Main scene", "ann"),)
    file.write_text('[bank]\nann = "1"\n')
    with pytest.raises(ConfigError, match="ann"):
        load({}, file, {})


@pytest.mark.parametrize(
    ("text", "names"),
    [("none", ()), ("nsfw_2", ("nsfw_2",)), (" nsfw_2 , nsfw_3,nsfw_1", ("nsfw_2", "nsfw_3", "nsfw_1"))],
)
def test_names_of_networks_are_listed(
    text: str, names: tuple[str, ...], tmp_path: Path, home: Mapping[str, str]
) -> None:
    assert load({"safety.nudity": text}, environment=home).config.safety.nudity == names
    file, kind = tmp_path / "livecam.toml", SETTINGS["safety.nudity"].setting.kind
    for written in (str(list(names)).replace("'", '"'), kind.to_toml(names)):
        file.write_text(f"[safety]\nnudity = {written}\n")
        assert load(path=file, environment=home).config.safety.nudity == names


@pytest.mark.parametrize("text", ["", "a,,b", "a,a", "none,a", "a\nb"])
def test_names_that_are_none_are_refused(text: str, home: Mapping[str, str]) -> None:
    with pytest.raises(ConfigError, match="--nudity must"):
        load({"safety.nudity": text}, environment=home)
