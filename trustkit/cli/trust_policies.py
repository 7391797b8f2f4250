"""The options that have another tool's policy decide as it is, and the gates that decide by it."""

import argparse
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Protocol

from trustkit import app, limits
from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.trust_policy import Chosen, TrustPolicy
from trustkit.cli.identities import TRUSTED, bounded_content, require_only
from trustkit.cli.judging import Opens
from trustkit.config import Config
from trustkit.errors import UsageError
from trustkit.model.audit import AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef

_STORE = "truststore"


def by_their_policy(arguments: argparse.Namespace, config: Config) -> Opens:
    """Return what decides by the file that the options name, and by nothing else. Raises UsageError."""
    require_only(arguments, ("trust_policy", "containers_policy", "policy", *TRUSTED))
    if arguments.containers_policy and arguments.trust_store:
        raise UsageError("--trust-store goes with a trust policy", next_step="give --trust-policy")
    return partial(TheirGates, config, _chooses(arguments))


def _chooses(arguments: argparse.Namespace) -> "Chooses":
    if arguments.trust_policy:
        file = Path(arguments.trust_policy)
        store = Path(arguments.trust_store) if arguments.trust_store else file.parent / _STORE
        return TrustPolicy(bounded_content(file, limits.POLICY_BYTES), store).of
    from trustkit.admission.containers_policy import ContainersPolicyFile

    file = Path(arguments.containers_policy)
    return ContainersPolicyFile(bounded_content(file, limits.POLICY_BYTES), file.parent).of


class Chooses(Protocol):
    """Finds what a file says about an image."""

    def __call__(self, ref: ImageRef) -> Chosen:
        """Return it. Raises ConfigError."""


class TheirGates:
    """A gate for each image: what the file says about it decides, under the trust that the file names for it."""

    def __init__(self, config: Config, chooses: Chooses, *, log: AuditLog, at_once: bool, trial: str) -> None:
        """Decide by what `chooses` returns, and record in `log`, as a `trial`."""
        self._config, self._chooses, self._log = config, chooses, log
        self._at_once, self._trial = at_once, trial
        self._lock = Lock()
        self._gates: dict[str, Gate] = {}

    def decide(
        self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None
    ) -> tuple[Judgement, AuditRecord]:
        """Decide as `Gate.decide`. Raises ConfigError besides, for a file of trust that cannot be used."""
        return self._gate(ref).decide(ref, request, platform)

    def _gate(self, ref: ImageRef) -> Gate:
        with self._lock:
            if str(ref) not in self._gates:
                self._gates[str(ref)] = self._opened(ref)
            return self._gates[str(ref)]

    def _opened(self, ref: ImageRef) -> Gate:
        chosen = self._chooses(ref)
        gate = app.open_gate(
            self._config, policy=chosen.policy, trust=chosen.trust, log=self._log, at_once=self._at_once
        )
        wanted = tuple(one for one in gate.kit.formats if one.name in chosen.formats)
        return Gate(gate.kit._replace(formats=wanted), self._log, trial=self._trial)
