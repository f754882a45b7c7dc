"""The commented example, made from the metadata, so that it can never be incomplete."""

import textwrap

from livecam.config.compound import Pairs
from livecam.config.registry import SECTIONS, SETTINGS, TABLES, Key

_HEAD = """\
# livecam.toml: every setting, with its default. Remove the # in front of a key to change it.
# `livecam config path` says where this file belongs; `livecam config show` what is in force and why.
# A flag beats an environment variable (LIVECAM_<SECTION>_<KEY>), which beats this file.
"""


def example_text() -> str:
    """The text of docs/livecam.toml."""
    blocks = [_HEAD]
    for section, text in SECTIONS.items():
        blocks.append(f"\n# {text}\n[{section}]\n")
        blocks.extend(_entry(key) for key in SETTINGS.values() if key.section == section)
    return "".join(blocks)


def _entry(key: Key) -> str:
    setting = key.setting
    facts = f"{setting.kind.allowed}. Flag: {setting.flag}"
    if isinstance(setting.kind, Pairs) and key.section in TABLES:
        return f'\n{_comment(setting.help)}\n{_comment(facts)}\n#{setting.kind.name} = "{setting.kind.value}"\n'
    return f"\n{_comment(setting.help)}\n{_comment(facts)}\n#{key.name} = {setting.kind.to_toml(key.default)}\n"


def _comment(text: str) -> str:
    wrapper = textwrap.TextWrapper(110, "# ", "# ", break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)
