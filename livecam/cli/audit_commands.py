"""``livecam audit``: what was done with this livecam, and whether the log of it is whole."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import Paths

if TYPE_CHECKING:
    from livecam.privacy.audit_check import Exported

_OWN: Final = ("n", "at", "event", "before")
_UNITS: Final[Mapping[str, timedelta]] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@click.group("audit")
def audit_group() -> None:
    """Say what was done with this livecam: runs, personas, label, panic, passthrough, consents, who looked.

    The log holds no picture, and no line of it can be changed, dropped or moved without that being found.
    """


@audit_group.command(
    epilog=examples("livecam audit show --since 24h", "livecam audit show --since 2026-11-01 --event label --json")
)
@click.option("--since", metavar="TIME", help="A date, a time (ISO 8601, UTC), or a while ago such as 30m, 24h, 7d.")
@click.option("--event", metavar="WORD", help="Only events of that name.")
@json_option
def show(since: str | None, event: str | None, as_json: bool) -> None:
    """Print what happened, the oldest first. `verify` says whether it can be believed."""
    start = _moment(since, datetime.now(UTC)) if since else ""
    found = [
        line for line in _lines(Paths.find()) if str(line["at"]) >= start and (event is None or line["event"] == event)
    ]
    if as_json:
        print_json([{name: _plain(value) for name, value in line.items()} for line in found])
        return
    rows = [(str(line["at"])[:19], str(line["event"]), _facts(line)) for line in found]
    print_rows(("UTC", "event", "what"), rows, "Nothing is in the audit log of that time.")


@audit_group.command(epilog=examples("livecam audit verify", "livecam audit verify audit-2026.jsonl"))
@click.argument("file", required=False, type=click.Path(path_type=Path))
def verify(file: Path | None) -> None:
    """Check that no line was changed, dropped, moved or put in: of the log, or of an export FILE made here.

    An export is compared with the log too: that finds an older log put back in its place. Exit code 0 where all is
    whole, 1 where it is not or cannot be read, 4 where there is no log at all.
    """
    from livecam.app.auditing import folder_of
    from livecam.cli.audit_missing import answered

    paths = Paths.find()
    folder = folder_of(paths)
    steps = _verified(paths, folder, file)
    while told := answered(lambda: next(steps, ""), folder):
        click.echo(told)


def _verified(paths: Paths, folder: Path, file: Path | None) -> Iterator[str]:
    """What is to be told of the log in `folder`, then of the export `file`.

    Raises:
        AuditError: One is not whole, cannot be read, or is not there.
    """
    from livecam.app.keys import audit_key
    from livecam.cli.audit_missing import demand_log
    from livecam.privacy.audit import AuditError, held
    from livecam.privacy.audit_check import verify as verify_log
    from livecam.privacy.audit_seal import begin_anew

    demand_log(folder, paths)
    folder.mkdir(mode=0o700, exist_ok=True)
    with held(folder):
        count, problem = verify_log(folder, audit_key(paths))
    if problem:
        raise AuditError(f"The audit log in {folder} is not whole. {problem}", begin_anew(folder))
    yield f"The audit log in {folder} is whole: {_counted(count)}."
    if file is not None:
        yield _verified_export(file, folder, audit_key(paths))


def _verified_export(file: Path, folder: Path, key: bytes) -> str:
    from livecam.privacy.audit import AuditError, held
    from livecam.privacy.audit_check import read_export, since_export

    exported, found = read_export(file, key)
    if exported.problem:
        raise AuditError(f"{file} was exported from a log that was not whole. {exported.problem}")
    with held(folder):
        if problem := since_export(folder, key, exported, found):
            raise AuditError(f"The log is not the one that {file} was exported from. {problem}")
    return f"{file} is whole: {_told(exported)}, and the log has only grown since."


@audit_group.command(epilog=examples("livecam audit export audit-2026.jsonl"))
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write the log to FILE: JSON lines, the first of which vouches for the others.

    Kept where this user cannot change it, it shows later whether the log was rewritten.
    """
    from livecam.app.auditing import folder_of
    from livecam.app.keys import audit_key
    from livecam.cli.audit_missing import demand_log
    from livecam.privacy.audit import AuditError, held, utc_now
    from livecam.privacy.audit_check import export as export_log
    from livecam.privacy.audit_seal import begin_anew

    paths = Paths.find()
    folder = folder_of(paths)
    demand_log(folder, paths)
    folder.mkdir(mode=0o700, exist_ok=True)
    with held(folder):
        exported = export_log(folder, audit_key(paths), file, utc_now())
    if exported.problem:
        raise AuditError(f"Exported to {file}, but the log is not whole. {exported.problem}", begin_anew(folder))
    click.echo(f"Exported {_told(exported)} to {file}. Check it with: livecam audit verify {file}")


def _told(exported: "Exported") -> str:
    return f"{_counted(exported.last - exported.first + 1)} up to {exported.at[:19]} UTC"


def _counted(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def _lines(paths: Paths) -> list[dict[str, object]]:
    from livecam.app.auditing import folder_of
    from livecam.privacy.audit_check import lines
    from livecam.privacy.audit_seal import content_of

    found = (content_of(line) for _, _, line in lines(folder_of(paths)))
    return [content for content in found if content.keys() >= set(_OWN)]


def _facts(line: Mapping[str, object]) -> str:
    return "  ".join(f"{name}={_worded(value)}" for name, value in line.items() if name not in _OWN)


def _worded(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value)


def _plain(value: object) -> Json:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _moment(text: str, now: datetime) -> str:
    """The time that `text` names, UTC, ISO 8601.

    Raises:
        click.UsageError: It names none.
    """
    ago = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    try:
        if ago:
            return (now - int(ago[1]) * _UNITS[ago[2]]).isoformat(timespec="milliseconds")
        named = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.UsageError(f"--since takes a date, a time, or a while such as 24h, not {text!r}.") from None
    return (named if named.tzinfo else named.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
