"""Events other than decisions, with the members a report looks for."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from trustkit.model.audit import AuditEvent
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import Decision
from trustkit.model.digest import Digest
from trustkit.model.grant import GrantUse
from trustkit.model.keys import KeyRevocation

_MESSAGE_CHARS = 2048
# What is named of one publication, so that it fits an entry of the log.
_SENT = 256


def cut_short(event: AuditEvent, outcome: str, *, code: str, message: str, sent: Sequence[str]) -> AuditEvent:
    """Say that an error ended what the event tells, `failed` or `unknown`, and what may be published nevertheless."""
    error = {"code": code, "message": message[:_MESSAGE_CHARS]}
    # several tries send the same again
    named = list(dict.fromkeys(sent))[:_SENT]
    return event._replace(outcome=outcome, body={**event.body, "error": error, "may_be_published": named})


def log_started(at: datetime, *, actor: str, version: str, crypto: ModuleStatus) -> AuditEvent:
    """Say that a daemon or command began to keep the log, and with which crypto module."""
    told = {name: value for name, value in crypto._asdict().items() if name != "approved"}
    body = {"actor": actor, "trustkit": version, "crypto": told}
    return AuditEvent(at, "log.started", "ok", None, body)


def policy_loaded(at: datetime, *, name: str, digest: Digest, file: str, actor: str) -> AuditEvent:
    """Say which policy decides from now on."""
    policy = {"name": name, "digest": str(digest)}
    return AuditEvent(at, "policy.loaded", "ok", None, {"policy": policy, "file": file, "actor": actor})


def policy_refused(
    at: datetime, *, name: str, digest: Digest | None, why: str, file: str = "", actor: str = "daemon"
) -> AuditEvent:
    """Say that a new policy cannot be read, and which one decides on: none without a digest."""
    policy = {"name": name, "digest": str(digest) if digest else ""}
    body = {"in_force": policy, "file": file, "message": why[:_MESSAGE_CHARS], "actor": actor}
    return AuditEvent(at, "policy.refused", "deny", None, body)


def key_generated(at: datetime, *, name: str, kind: str, fingerprint: str, actor: str) -> AuditEvent:
    """Say that a signing key was made."""
    body = {"name": name, "key": kind, "fingerprint": fingerprint, "actor": actor}
    return AuditEvent(at, "key.generated", "ok", None, body)


def key_imported(at: datetime, *, name: str, kind: str, fingerprint: str, actor: str) -> AuditEvent:
    """Say that a signing key was brought in."""
    event = key_generated(at, name=name, kind=kind, fingerprint=fingerprint, actor=actor)
    return event._replace(kind="key.imported")


def key_removed(at: datetime, *, name: str, kind: str, fingerprint: str, actor: str) -> AuditEvent:
    """Say that a key left the ring, and is trusted no more by those who trust the ring."""
    event = key_generated(at, name=name, kind=kind, fingerprint=fingerprint, actor=actor)
    return event._replace(kind="key.removed")


def key_rotated(
    at: datetime, *, name: str, fingerprint: str, replaces: str, until: datetime | None, actor: str
) -> AuditEvent:
    """Say that a new key took an old one's name, and until when the old one verifies."""
    body: dict[str, object] = {"name": name, "fingerprint": fingerprint, "replaces": replaces, "actor": actor}
    return AuditEvent(at, "key.rotated", "ok", None, {**body, "until": until.isoformat() if until else ""})


def key_revoked(at: datetime, *, name: str, fingerprint: str, revocation: KeyRevocation, actor: str) -> AuditEvent:
    """Say that a key was given up: from when on it counts as lost, and why."""
    body: dict[str, object] = {"name": name, "fingerprint": fingerprint, "actor": actor, "reason": revocation.reason}
    more = {"from": revocation.at.isoformat(), "accept_older": revocation.allow_before}
    return AuditEvent(at, "key.revoked", "ok", None, {**body, **more})


def revocation_published(at: datetime, *, kind: str, what: str, name: str, reason: str, actor: str) -> AuditEvent:
    """Say that a key or an image was given up for all nodes that share the list."""
    body = {"what": what, "name": name, "revokes": kind, "reason": reason, "actor": actor}
    return AuditEvent(at, "revocation.published", "ok", None, body)


def scan_finished(at: datetime, *, places: list[str], counts: Mapping[str, object], actor: str) -> AuditEvent:
    """Say what a scan looked at and found; the decisions are records of their own."""
    body: dict[str, object] = {"places": places[:64], "counts": dict(counts), "actor": actor}
    return AuditEvent(at, "scan.finished", "ok", None, body)


def scan_flipped(at: datetime, *, image: Digest, body: Mapping[str, object]) -> AuditEvent:
    """Say that an image that was admitted is no longer: `reference`, `where`, `running`, `rule`, `cause`, `before`.

    Written behind the decision that refuses it, with it; `trial` as there.
    """
    return AuditEvent(at, "scan.flipped", "deny", image, dict(body))


def trust_updated(at: datetime, *, root: int, files: Mapping[str, str], until: datetime, actor: str) -> AuditEvent:
    """Say what a trust root brought: its root's version, the SHA-256 of each file, and until when it counts."""
    body = {"root": root, "files": dict(files), "until": until.isoformat(), "actor": actor}
    return AuditEvent(at, "trust.updated", "ok", None, body)


def sigstore_updated(at: datetime, *, mirror: str, digest: Digest, actor: str) -> AuditEvent:
    """Say where the file came from by which certificates are trusted from now on, and its digest."""
    body = {"name": f"trusted_root.json of {mirror}", "digest": str(digest), "actor": actor}
    return AuditEvent(at, "trust.sigstore_updated", "ok", None, body)


def image_signed(
    at: datetime,
    *,
    reference: str,
    image: Digest,
    fingerprint: str,
    actor: str,
    signed_in: Mapping[str, str] | None = None,
) -> AuditEvent:
    """Say that an image was signed here, with which key, and in which token or service if not in a file."""
    body: dict[str, object] = {"reference": reference, "fingerprint": fingerprint, "actor": actor}
    if signed_in:
        body["signed_in"] = dict(signed_in)
    return AuditEvent(at, "image.signed", "ok", image, body)


def image_migrated(
    at: datetime,
    *,
    reference: str,
    image: Digest,
    before: Mapping[str, object],
    after: Mapping[str, object],
    actor: str,
) -> AuditEvent:
    """Say that what a tag stood for under content trust was signed anew: the proof before, the evidence after."""
    body = {"reference": reference, "content_trust": dict(before), "signed": dict(after), "actor": actor}
    return AuditEvent(at, "image.migrated", "ok", image, body)


def image_migrating(migrated: AuditEvent) -> AuditEvent:
    """Say that what `image_migrated` tells is about to be done: without that record behind it, it was cut off."""
    return migrated._replace(kind="image.migrating")


def content_trust_published(
    at: datetime, *, gun: str, what: str, versions: Mapping[str, int], signers: Mapping[str, object], actor: str
) -> AuditEvent:
    """Say what was changed in a repository's content trust: each role's version, and the keys that signed it."""
    body = {
        "repository": gun,
        "what": what[:1024],
        "versions": dict(versions),
        "signers": dict(signers),
        "actor": actor,
    }
    return AuditEvent(at, "content_trust.published", "ok", None, body)


def container_started(at: datetime, image: Digest, container: str, **body: object) -> AuditEvent:
    """Say that a container is about to start: `name`, `reference`, `actor`, `decision`."""
    return AuditEvent(at, "container.started", "ok", image, {**body, "container": container})


def container_exited(at: datetime, image: Digest | None, container: str, **body: object) -> AuditEvent:
    """Say that a container ended: `exit_code`."""
    return AuditEvent(at, "container.exited", "ok", image, {**body, "container": container})


def container_refused(at: datetime, image: Digest | None, container: str, **body: object) -> AuditEvent:
    """Say that a container was not started: `code`, `message`."""
    return AuditEvent(at, "container.refused", "deny", image, {**body, "container": container})


def container_removed(at: datetime, image: Digest | None, container: str, **body: object) -> AuditEvent:
    """Say that a container is gone."""
    return AuditEvent(at, "container.removed", "ok", image, {**body, "container": container})


def grant_added(at: datetime, *, grant: str, image: Digest, reference: str, until: datetime, actor: str) -> AuditEvent:
    """Say that a break-glass grant was put on this machine, and until when it holds."""
    body: dict[str, object] = {"grant": grant, "reference": reference, "until": until.isoformat(), "actor": actor}
    return AuditEvent(at, "breakglass.added", "ok", image, body)


def grant_removed(at: datetime, *, grant: str, image: Digest, reference: str, actor: str) -> AuditEvent:
    """Say that a break-glass grant was taken from this machine."""
    body: dict[str, object] = {"grant": grant, "reference": reference, "actor": actor}
    return AuditEvent(at, "breakglass.removed", "ok", image, body)


def grant_used(at: datetime, *, use: GrantUse, image: Digest, reference: str, actor: str) -> AuditEvent:
    """Say that an image was let through by a break-glass grant: who asked, who approved, why, and what is due."""
    due = (at + use.review_within).isoformat() if use.review_within is not None else ""
    body: dict[str, object] = {
        "grant": use.id,
        "reference": reference[:1024],
        "rules": [rule[:256] for rule in use.rules[:64]],
        "requester": use.requester,
        "approvers": list(use.approvers),
        "reason": use.reason,
        "until": use.until.isoformat(),
        "alert": use.alert,
        "review_by": due,
        "actor": actor[:1024],
    }
    return AuditEvent(at, "breakglass.used", "ok", image, body)


def grant_reviewed(at: datetime, *, grant: str, note: str, actor: str) -> AuditEvent:
    """Say that somebody looked at every use of a break-glass grant until now, and what came of it."""
    return AuditEvent(at, "breakglass.reviewed", "ok", None, {"grant": grant, "note": note, "actor": actor})


def facts_judged(at: datetime, *, reference: str, decision: Decision, actor: str) -> AuditEvent:
    """Say what the policy decided about facts that somebody wrote down: of no image, and nobody's admission."""
    finding, policy = decision.deciding, {"name": decision.policy_name, "digest": str(decision.policy)}
    body: dict[str, object] = {"reference": reference[:1024], "verdict": decision.verdict, "mode": decision.mode}
    told = {"rule": finding.rule, "reason": finding.message[:1024]} if finding else {"rule": "", "reason": ""}
    return AuditEvent(at, "facts.judged", decision.verdict, None, {**body, **told, "policy": policy, "actor": actor})
