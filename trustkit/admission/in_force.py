"""The gate in force: made anew when policy, trust or settings change on disk.

Documents or settings that cannot be read leave those before in force, and everybody is told. Only documents and
settings: files of trust (keys, roots, revocation lists, key ring, trust root) are read as they are now, and if the
documents in force cannot be used with them, nothing is decided. A revocation is not overlooked because it is malformed.
"""

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.judge import Kit
from trustkit.admission.policies import Document
from trustkit.audit.events import policy_loaded, policy_refused
from trustkit.errors import ConfigError, PolicySyntaxError, TrustkitError
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Policy

Settings = TypeVar("Settings")
_ACTOR = "daemon"


class Standing(NamedTuple):
    """What a gate would be made of now; equal `besides` and an equal policy make the same gate."""

    policy: Policy
    besides: object
    file: str
    open: Callable[[], Kit]


class PolicyGate(Generic[Settings]):
    """Gives the gate of settings and policy as they stand on disk; threads may share it."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        documents: Callable[[Settings], tuple[Document, ...]],
        standing: Callable[[Settings, tuple[Document, ...]], Standing],
        log: AuditLog,
        now: Callable[[], datetime],
    ) -> None:
        """Read `settings`, and by them `documents`; `standing` makes something of both."""
        self._settings, self._documents, self._standing = settings, documents, standing
        self._log, self._now = log, now
        self._lock = Lock()
        self._used: tuple[Settings, tuple[Document, ...]] | None = None
        self._gate: Gate | None = None
        self._besides: object = None
        self.refused = ""

    def __call__(self) -> Gate:
        """Return the gate in force; the same one for as long as it would be made the same.

        Raises ConfigError, PolicySyntaxError: there was none before that could still be used. Raises all that reading
        files of trust raises, AuditError, StorageError.
        """
        with self._lock:
            before, decided = self._used, self._gate
            try:
                settings = self._settings()
                documents = self._documents(settings)
                gate = self._made(settings, documents)
            except (PolicySyntaxError, ConfigError) as error:
                if before is None:
                    raise
                gate = self._made(*before)
                self._tell(error, gate)
            else:
                if self.refused and gate is decided:
                    self._say_loaded(gate, self._standing(settings, documents).file)
                self._used, self.refused = (settings, documents), ""
            return gate

    def problem(self) -> str:
        """Return why what lies on disk is not in force, or nothing."""
        try:
            self()
        except TrustkitError as error:
            return f"nothing is decided: {error.message}"
        return self.refused

    def _made(self, settings: Settings, documents: tuple[Document, ...]) -> Gate:
        standing = self._standing(settings, documents)
        current = self._gate
        if current is None or standing.besides != self._besides or current.kit.policy.digest != standing.policy.digest:
            current = Gate(standing.open(), self._log, lambda: self.refused)
            self._say_loaded(current, standing.file)
            self._gate, self._besides = current, standing.besides
        return current

    def _say_loaded(self, gate: Gate, file: str) -> None:
        policy = gate.kit.policy
        event = policy_loaded(self._now(), name=policy.name, digest=policy.digest, file=file, actor=_ACTOR)
        self._log.append(event)

    def _tell(self, error: TrustkitError, gate: Gate) -> None:
        """Put the refusal on record, once for each that is new."""
        policy = gate.kit.policy
        told = f"{error.message}; the policy {policy.name} of before stays in force"
        if told != self.refused:
            self._log.append(policy_refused(self._now(), name=policy.name, digest=policy.digest, why=error.message))
            self.refused = told
