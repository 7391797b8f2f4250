"""The options that name a Notary Project trust policy and store, and the gates that decide by them."""

import argparse
from pathlib import Path
from threading import Lock

from trustkit import app, limits
from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.trust_policy import TrustPolicy
from trustkit.cli.identities import bounded_content
from trustkit.config import Config
from trustkit.errors import UsageError
from trustkit.model.audit import AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef

_STORE = "truststore"


def require_alone(arguments: argparse.Namespace) -> None:
    """Return if the trust policy is all that is asked for. Raises UsageError."""
    others = ("key", "annotations", "policy", "gpg_key", "certificate_identity", "certificate_identity_regexp")
    given = [name for name in others if getattr(arguments, name, None)]
    if given:
        raise UsageError(
            f"--trust-policy and --{given[0].replace('_', '-')} exclude each other",
            next_step="verify twice, if both must hold",
        )


class TrustPolicyGates:
    """A gate for each repository: its own statement of the trust policy decides, with its own stores."""

    def __init__(self, config: Config, file: Path, store: Path | None, log: AuditLog, *, at_once: bool) -> None:
        """Read the trust policy. Raises UsageError, PolicySyntaxError."""
        self._config, self._log, self._at_once = config, log, at_once
        self._found = TrustPolicy(bounded_content(file, limits.POLICY_BYTES), store or file.parent / _STORE)
        self._lock = Lock()
        self._gates: dict[str, Gate] = {}

    def decide(
        self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None
    ) -> tuple[Judgement, AuditRecord]:
        """Decide as `Gate.decide`. Raises ConfigError besides, for an unusable store."""
        return self._gate(ref.name).decide(ref, request, platform)

    def _gate(self, repository: str) -> Gate:
        with self._lock:
            if repository not in self._gates:
                self._gates[repository] = self._opened(repository)
            return self._gates[repository]

    def _opened(self, repository: str) -> Gate:
        chosen = self._found.of(repository)
        gate = app.open_gate(
            self._config, policy=chosen.policy, trust=chosen.trust, log=self._log, at_once=self._at_once
        )
        # no other format satisfies a trust policy, and where nothing is verified nothing is fetched
        wanted = tuple(one for one in gate.kit.formats if one.name == "notation")
        return Gate(gate.kit._replace(formats=wanted), self._log)
