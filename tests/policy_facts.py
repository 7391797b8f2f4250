"""Facts and policies for tests: made by hand, so that each test changes one thing."""

import json
from datetime import UTC, datetime

from trustkit.codec.predicates.read import read_value
from trustkit.fips.hashing import digest_of
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import Decision
from trustkit.model.digest import Digest
from trustkit.model.evidence import Rejection
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.signature import (
    ATTESTATION,
    SIGNATURE,
    SignerIdentity,
    Statement,
    VerificationReport,
    VerifiedSignature,
)
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate
from trustkit.policy.parse import parse

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
IMAGE = Digest("sha256", "11" * 32)
OTHER_IMAGE = Digest("sha256", "22" * 32)
NAME = "registry.corp.example/team/app"
SLSA = "https://slsa.dev/provenance/v1"

HEAD = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: test}\n"
# Key files are not read: a key's bytes are its path, `same-*` paths stand for one key.
KEYS = """
  trust:
    keys:
      one: {pem: one.pub}
      two: {pem: two.pub}
      three: {pem: three.pub}
      twin: {pem: same-one.pub}
"""


def fingerprint_of(pem: bytes) -> str:
    """Return the stand-in fingerprint of a stand-in key."""
    return digest_of(pem.removeprefix(b"same-")).hex


def read(text: str, file: str = "policies/x.yaml") -> Policy:
    """Parse a whole policy text."""
    return parse(text.encode(), file=file, load_key=str.encode, digest=digest_of, fingerprint=fingerprint_of)


def spec(body: str, *, keys: bool = True) -> Policy:
    """Parse a policy whose spec is `body`, indented by two; the keys one, two, three and twin are known."""
    return read(HEAD + "spec:" + (KEYS if keys else "\n") + body)


def signature(
    key: str = "one",
    *,
    subject: Digest = IMAGE,
    algorithm: str = "ecdsa-p256-sha256",
    annotations: tuple[tuple[str, str], ...] = (),
    number: int = 0,
) -> VerifiedSignature:
    """Return a verified signature by a stand-in key."""
    return VerifiedSignature(
        format="cosign",
        kind=SIGNATURE,
        subject=subject,
        signer=SignerIdentity(fingerprint_of(f"{key}.pub".encode()), f"key:{key}"),
        algorithm=algorithm,
        evidence=digest_of(f"{key}/{number}".encode()),
        annotations=annotations,
    )


def attestation(key: str = "one", predicate_type: str = SLSA, **changes: Digest) -> VerifiedSignature:
    """Return a verified attestation by a stand-in key."""
    made = signature(key, **changes)
    return made._replace(kind=ATTESTATION, statement=Statement(predicate_type, b"{}"))


def said(key: str, kind: str, predicate: object, number: int = 0) -> VerifiedSignature:
    """Return a verified attestation with its typed predicate, as verification makes it."""
    content = json.dumps(predicate, sort_keys=True).encode()
    made = attestation(key, kind)._replace(evidence=attestation(key, kind, number=number).evidence)
    return made._replace(statement=Statement(kind, content, read_value(kind, predicate)))


def rejection(message: str = "no trusted key fits") -> Rejection:
    """Return a rejected item."""
    return Rejection(digest_of(message.encode()), "cosign", "verification.signer", message)


def facts(
    *accepted: VerifiedSignature,
    reference: str = NAME + ":1.0",
    request: RequestFacts | None = None,
    rejected: tuple[Rejection, ...] = (),
    user: str = "10001",
    now: datetime = NOW,
    platform: Platform | None = None,
) -> Facts:
    """Return facts about the image, with this evidence accepted."""
    ref = ImageRef.parse(reference)
    where = platform or Platform("linux", "amd64")
    image = ImageFacts(ref, IMAGE, IMAGE, where, ref.digest is not None, user=user)
    report = VerificationReport(IMAGE, accepted, rejected, (), complete=True)
    crypto = ModuleStatus("pyca", "50.0.2", "OpenSSL 3")
    return Facts(image, report, crypto, request or RequestFacts(purpose="run", user=user), now)


def verdict(policy: Policy, about: Facts) -> tuple[str, str]:
    """Return the verdict and the id of the deciding rule."""
    decision: Decision = evaluate(policy, about)
    return decision.verdict, decision.deciding.rule if decision.deciding else ""


def refused(policy: Policy, about: Facts, rule: str) -> str:
    """Return the message of the rule that refuses; fail if another one does, or none."""
    decision: Decision = evaluate(policy, about)
    finding = decision.deciding
    assert finding is not None
    assert (decision.verdict, finding.rule) == ("deny", rule), finding
    return finding.message
