"""What the doctor says of the policy and of the audit log."""

import os
from pathlib import Path

import pytest

from livecam.config import Policy, Resolved, load
from livecam.config.policy_file import NOTHING, parsed
from livecam.doctor import Finding, Status
from livecam.doctor.trust import check_audit, check_policy
from tests.test_doctor import FakeMachine


def resolved(tmp_path: Path, policy: Policy = NOTHING, **values: str) -> Resolved:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return load(named, Path(os.devnull), {"LIVECAM_DATA": str(tmp_path)}, policy)


def policy_of(text: str) -> Policy:
    return parsed(text.encode(), Path("/etc/livecam/policy.toml"))


def of_policy(found: Resolved) -> Finding:
    (finding,) = check_policy(FakeMachine(), found)
    return finding


def of_audit(found: Resolved, machine: FakeMachine | None = None) -> Finding:
    (finding,) = check_audit(machine or FakeMachine(), found)
    return finding


def test_no_policy(tmp_path: Path) -> None:
    assert of_policy(resolved(tmp_path)).status is Status.INFO


def test_a_policy_and_what_it_locks(tmp_path: Path) -> None:
    found = of_policy(resolved(tmp_path, policy_of("[label]\nrequired = true\n[outputs]\nallowed = ['web']")))
    assert (found.status, found.finding) == (
        Status.OK,
        "/etc/livecam/policy.toml locks label.required, outputs.allowed.",
    )
    assert of_policy(resolved(tmp_path, policy_of(""))).finding.endswith("locks nothing.")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"output__sinks": "record:a.mp4"}, "'record'"),
        ({"face__persona": "bob"}, "'bob'"),
        ({"people__worn": "a=bob"}, "'bob'"),
    ],
)
def test_a_configuration_that_is_not_within_it(tmp_path: Path, values: dict[str, str], told: str) -> None:
    policy = policy_of("[personas]\nallowed = ['nobody']\n[outputs]\nallowed = ['web']")
    found = of_policy(resolved(tmp_path, policy, **values))
    assert found.status is Status.FAIL
    assert told in found.finding


def test_where_the_audit_log_is(tmp_path: Path) -> None:
    found = of_audit(resolved(tmp_path, audit__keep_days="30"))
    assert (found.status, found.finding) == (Status.OK, f"Written to {tmp_path / 'audit'} and kept for 30 days.")
    assert of_audit(resolved(tmp_path, audit__enabled="no")).status is Status.WARN


def test_an_audit_log_that_cannot_be_written(tmp_path: Path) -> None:
    machine = FakeMachine(refusals={"audit": "Read-only file system"})
    assert of_audit(resolved(tmp_path), machine).status is Status.WARN
    required = policy_of("[audit]\nrequired = true")
    assert of_audit(resolved(tmp_path, required), machine).status is Status.FAIL
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit-0000000001.jsonl").touch()
    assert "seal" in of_audit(resolved(tmp_path)).finding
