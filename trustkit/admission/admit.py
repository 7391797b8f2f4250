"""The only maker of Admission, and the two checks the engine makes before it uses one."""

from datetime import datetime, timedelta

from trustkit import limits
from trustkit.admission.facts import effective
from trustkit.errors import AdmissionDenied
from trustkit.fips.hashing import random_bytes
from trustkit.model.admission import Admission
from trustkit.model.audit import AuditRecord
from trustkit.model.decision import DENY
from trustkit.model.facts import RequestFacts
from trustkit.model.judgement import Judgement

_ID_BYTES = 16
# What an admission for a purpose may also be used for: pulling is part of running.
_INCLUDES = {"run": ("run", "pull", "verify"), "pull": ("pull", "verify")}


def admit(judgement: Judgement, record: AuditRecord, now: datetime) -> Admission:
    """Return the permit for a judgement that is on record. Raises AdmissionDenied with its reason."""
    decision = judgement.decision
    if not decision.allowed:
        raise _denied(judgement, record)
    if not judgement.image.config_bytes:
        raise AdmissionDenied(f"{judgement.image.ref} was judged without its configuration, so it cannot be run")
    expires_at, until = now + timedelta(seconds=limits.ADMISSION_SECONDS), decision.until
    return Admission(
        id=random_bytes(_ID_BYTES).hex(),
        image=judgement.image,
        request=judgement.facts.request,
        decision=decision,
        issued_at=now,
        # what rests on an exemption or a grant ends with it
        expires_at=expires_at if until is None else min(expires_at, until),
        record=record.sequence,
    )


def require_current(admission: Admission, now: datetime) -> None:
    """Return if the admission may still be used. Raises AdmissionDenied."""
    if not admission.decision.allowed:
        raise AdmissionDenied("the admission's decision is not to allow", image=str(admission.image.digest))
    # a clock that was set back must not lengthen an admission's life
    if not admission.issued_at <= now < admission.expires_at:
        raise AdmissionDenied(
            f"the admission of {admission.image.ref} is not valid at {now.isoformat()}: "
            f"it holds from {admission.issued_at.isoformat()} to {admission.expires_at.isoformat()}",
            next_step="ask again; the image will be judged anew",
            image=str(admission.image.digest),
            admission=admission.id,
        )


def require_covers(admission: Admission, request: RequestFacts) -> None:
    """Return if the request is no wider than what was admitted. Raises AdmissionDenied, MalformedError."""
    wider = _wider(admission.request, effective(request, admission.image))
    if wider:
        raise AdmissionDenied(
            f"the request for {admission.image.ref} is wider than admitted: {', '.join(wider)}",
            next_step="ask for what is needed when the container is created; it will be judged anew",
            image=str(admission.image.digest),
            admission=admission.id,
        )


def _wider(admitted: RequestFacts, request: RequestFacts) -> list[str]:
    flags = ("privileged", "host_network", "host_pid", "host_ipc", "host_process", "new_privileges", "pod_root")
    sets = ("host_mounts", "capabilities_added", "devices", "host_ports", "volumes", "sysctls")
    equal = (
        "engine", "user", "seccomp", "command", "proc_mount", "selinux", "apparmor", "namespace", "namespace_labels",
        "kind", "slot",
    )  # fmt: skip
    wider = [name for name in flags if getattr(request, name) and not getattr(admitted, name)]
    wider += [name for name in sets if not set(getattr(request, name)) <= set(getattr(admitted, name))]
    wider += [name for name in equal if getattr(request, name) != getattr(admitted, name)]
    if not set(admitted.capabilities_dropped) <= set(request.capabilities_dropped):
        wider.append("capabilities_dropped")
    kept = ("read_only", "non_root")
    wider += [name for name in kept if getattr(admitted, name) and not getattr(request, name)]
    if request.purpose not in _INCLUDES.get(admitted.purpose, (admitted.purpose,)):
        wider.append("purpose")
    # the engine does not know who asked; whoever does must be the one who was admitted
    if request.actor and request.actor != admitted.actor:
        wider.append("actor")
    return wider


def _denied(judgement: Judgement, record: AuditRecord) -> AdmissionDenied:
    finding = judgement.decision.deciding
    image = judgement.facts.image
    reason = finding.message if finding else "the policy does not allow it"
    rule = finding.rule if finding else judgement.decision.policy_name
    return AdmissionDenied(
        f"{image.ref} is not admitted: {reason} (rule {rule})",
        next_step=(finding.next_step if finding else "") or f"trustkit policy explain {image.ref}",
        image=str(image.digest),
        rule=rule,
        verdict=DENY,
        policy=str(judgement.decision.policy),
        record=str(record.sequence),
    )
