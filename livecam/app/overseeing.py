"""What watches over one run: the administrator's policy is kept, and what happens is written down."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

from livecam.app.auditing import Auditor
from livecam.app.discreet import told_spec
from livecam.app.permitted import changes, demand_output, locked, permitted, permitting
from livecam.app.retention import Retention
from livecam.app.witness import Run, Witness, told_sinks
from livecam.config import Config, Paths, Policy, policy_file
from livecam.config.policy import FORBIDS, OUTPUTS
from livecam.config.policy_file import installed
from livecam.core.settings import Command, Mode, Panic, Resume, SetLabel, SetMode
from livecam.errors import ConfigError, LivecamError, PersonaError

log = logging.getLogger(__name__)

ReadPolicy: TypeAlias = Callable[[], Policy]
"""Reads what an administrator allows; raises `PolicyError`."""

_LOOK_S: Final = 2.0
"""How often it is looked whether the policy is another one."""


class Overseer:
    """Keeps the policy of one run, and its audit log.

    Args:
        config: Of the run.
        paths: Where files are kept.
        session: What the invisible mark of the run says.
        read: Reads the policy.

    Attributes:
        policy: In force.
        config: What of `config` the policy allows.
        auditor: Writes down what happens.
        permit: Raises `PersonaError` where a persona may not be worn.
        witness: Sees what changes.

    Raises:
        ConfigError: The configuration asks for what the policy forbids, or the policy cannot be followed.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths,
        session: int,
        read: ReadPolicy = installed,
        file: Path | None = None,
    ) -> None:
        self._paths, self._session, self._read, self._file = paths, session, read, file or policy_file.place()
        self._stamp = _stamp(self._file)
        self.policy = read()
        self.config = permitted(config, paths, self.policy)
        audit = self.config.audit
        self.auditor = Auditor(paths, audit.enabled, self.policy.audit_required, audit.keep_days)
        self.permit = permitting(lambda: self.policy)
        self.witness = Witness(self.auditor)
        self._retention = Retention(lambda: self.policy.recordings_keep_days, self._recordings, self.auditor.note)
        self._run: Run | None = None
        self._next_s = 0.0
        self._order = threading.Lock()

    def _recordings(self) -> Path:
        return self.config.output.recordings or self._paths.recordings

    def begin(self, run: Run) -> None:
        """The run has begun."""
        settings, config = run.settings(), self.config
        self.auditor.start(
            self._session,
            version=version("livecam"),
            policy=self.policy.digest,
            preset=run.preset(),
            source=told_spec(run.source()),
            sinks=" ".join(told_sinks(run)),
            persona=settings.persona,
            passthrough=settings.mode is Mode.PASSTHROUGH,
            label=settings.label,
            mark=self.policy.mark_enabled,
            panel=config.panel.enabled,
        )
        self._run = run
        self.witness.begin(run)
        self._retention.start()

    def look(self) -> None:
        """See what has changed, the policy too. To be called about ten times a second."""
        now_s = time.monotonic()
        self.witness.look(now_s)
        if self._run is None:
            return
        if self.policy.audit_required and self.auditor.failing and not self._run.settings().panic:
            self._cover(self._run, f"{FORBIDS} to go on without the audit log.")
        if now_s >= self._next_s:
            self._next_s = now_s + _LOOK_S
            if (stamp := _stamp(self._file)) != self._stamp:
                self._stamp = stamp
                # Aside, since a sink that has to go takes the time to end its file.
                threading.Thread(target=self._reread_by_itself, name="livecam-policy", daemon=True).start()

    def stop(self, files: Iterable[Mapping[str, str]] = ()) -> None:
        """The run is over. Idempotent.

        Args:
            files: Each that was made, by ``path``, and under ``provenance`` what came of signing it.
        """
        self._retention.stop()
        for file in files:
            if self.policy.provenance_required and file["provenance"] != "signed":
                self.auditor.note("unsigned", file=Path(file["path"]).name, why=file["provenance"])
        self.auditor.stop()

    def demand(self, command: Command) -> None:
        """See that `command` may be followed.

        Raises:
            ConfigError: The policy forbids it.
        """
        settings = self._run.settings() if self._run is not None else self.config.settings
        refusal = self.policy.refusal_of(command, settings)
        if not refusal and isinstance(command, Resume):
            refusal = self._standing()
        if refusal:
            self.auditor.note("refused", why=refusal)
            raise ConfigError(refusal, "`livecam policy show` says what is locked.")

    def allows(self, persona: str) -> bool:
        """Whether a persona of that name may be worn, as far as its name tells. Any thread."""
        return self.policy.allows_name(persona)

    def demand_output(self, kind: str) -> None:
        """See that pictures may go there: the kind of a sink, ``record`` or ``snapshot``.

        Raises:
            ConfigError: The policy forbids it.
        """
        try:
            demand_output(kind, self.policy)
        except ConfigError as refusal:
            self.auditor.note("refused", why=refusal.what)
            raise

    def reading(self, read: Callable[[], Config] | None) -> Callable[[], Config] | None:
        """`read`, of what the policy allows."""
        if read is None:
            return None

        def permitted_again() -> Config:
            return permitted(read(), self._paths, self.policy)

        return permitted_again

    def reread(self) -> str:
        """Follow the policy as it is now; what of it has changed, in a sentence, "" for nothing.

        Raises:
            ConfigError: It cannot be; the one before stays in force.
        """
        with self._order:
            try:
                before, self.policy = self.policy, self._read()
            except ConfigError as error:
                raise ConfigError(error.what, f"{error.next_step} The policy read before stays in force.") from None
            if before.digest == self.policy.digest:
                return ""
            told = ", ".join(f"{key} = {value or 'open'}" for key, value in changes(before, self.policy).items())
            self.auditor.note("policy", was=before.digest, now=self.policy.digest, changed=told)
            self.config = locked(self.config, self.policy)
        self._retention.start()
        self._enforce()
        return f"Your organisation's policy is another one: {told or 'nothing that is followed'}."

    def _reread_by_itself(self) -> None:
        try:
            if told := self.reread():
                log.warning("%s", told)
        except LivecamError as error:
            log.error("%s", error)

    def _enforce(self) -> None:
        """Have the run as the policy wants it; where that cannot be, the slate."""
        run = self._run
        if run is None:
            return
        settings = run.settings()
        if self.policy.label_required and not settings.label:
            run.port.submit(SetLabel(True))
        if not self.policy.passthrough and settings.mode is Mode.PASSTHROUGH:
            run.port.submit(SetMode(Mode.SWAP))
        for name in run.sinks():
            if self._refusal_of_sink(name):
                with suppress(LivecamError):
                    run.drop(name)
        if (reason := self._standing()) and not settings.panic:
            self._cover(run, reason)

    def _cover(self, run: Run, reason: str) -> None:
        log.error("The slate is shown. %s", reason)
        run.port.submit(Panic())

    def _standing(self) -> str:
        """Why nothing but the slate may leave now, in a sentence; "" where it may."""
        run = self._run
        if run is None:
            return ""
        if self.policy.audit_required and self.auditor.failing:
            return f"{FORBIDS} to go on without the audit log. {self.auditor.problem or 'Start livecam again.'}"
        for name in run.sinks():
            if refusal := self._refusal_of_sink(name):
                return refusal
        for name in (run.settings().persona, *run.people()):
            persona = run.ready(name)
            try:
                if persona is not None:
                    self.permit(persona)
            except PersonaError as error:
                return error.what
        return ""

    def _refusal_of_sink(self, name: str) -> str:
        kind = name.partition(":")[0]
        plugins = any(one.startswith("plugin:") for one in self.policy.outputs)
        # A driver of somebody else's need not be named like its kind.
        return "" if plugins and kind not in OUTPUTS else self.policy.refusal_of_output(kind)


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with the file at `path`."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_ctime_ns
