"""Kyverno's ImageValidatingPolicy: attestors and attestations by name, and validations of the usual shapes."""

import re
from collections.abc import Mapping, Sequence

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple
from trustkit.policy.importing.draft import Draft, Section, quoted
from trustkit.policy.importing.references import references
from trustkit.policy.importing.sigstore import identity, inline_key, only

_REKOR = ("", "https://rekor.sigstore.dev")
_SLOTS = ("containers", "initContainers", "ephemeralContainers")
# Every image of a slot, verified by these attestors, at least once.
_ALL_VERIFIED = re.compile(
    r"images\.(\w+)\.map\((\w+), ?verify(Image|Attestation)Signatures\(\2, ?(?:attestations\.(\w+), ?)?"
    r"\[((?:attestors\.\w+(?:, ?)?)+)\]\)\)\.all\((\w+), ?\6 ?> ?0\)\Z"
)
_NAMESPACE = re.compile(
    r"(?:request\.namespace|object\.metadata\.namespace|namespaceObject\.metadata\.name)"
    r" ?(==|!=) ?['\"]([a-z0-9-]+)['\"]\Z"
)
_KNOWN = (
    "matchImageReferences", "validationActions", "attestors", "validations", "matchConstraints", "matchConditions",
    "validationConfigurations", "evaluation", "failurePolicy", "webhookConfiguration", "attestations",
)  # fmt: skip
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"


class _Demand(NamedTuple):
    """One of these attestors must have signed the image, or the attestation if one is named."""

    attestation: str
    attestors: tuple[str, ...]


class _Reading(NamedTuple):
    """What was read: the demands on each slot, and what could not be said."""

    demands: Mapping[str, Sequence[_Demand]]
    untranslated: Sequence[str]


def image_validating(draft: Draft, name: str, spec: Mapping[str, object]) -> None:
    """Add one policy. Raises MalformedError."""
    reading = _read(spec)
    groups = _groups(draft, name, reading)
    for slots, demands in groups:
        rest = list(demands)
        while True:
            section = _begin(draft, name, spec, reading)
            if slots:
                section.slots(slots)
            if not spec.get("validations"):
                section.deny("no validation is given")
            # a section has one `signatures`, and demands are ANDed: each further one is a section of its own
            rest = _demand(section, spec, rest)
            if not rest:
                break


def _read(spec: Mapping[str, object]) -> _Reading:
    more = only(spec, *_KNOWN)
    lost = [more] if more else []
    found: dict[str, list[_Demand]] = {}
    for item in as_list(spec.get("validations", []), "validations"):
        written = re.sub(r"\s+", " ", as_text(as_object(item, "validation").get("expression"), "expression")).strip()
        matched = [_ALL_VERIFIED.match(part) for part in written.split(" && ")]
        read = [(one[1], _Demand(one[4] or "", _attestors(one[5]))) for one in matched if one and _fits(one)]
        if len(read) < len(matched):
            lost.append(f"the validation {written[:160]}")
        for slot, demand in read:
            found.setdefault(slot, []).append(demand)
    return _Reading(found, lost)


def _fits(found: re.Match[str]) -> bool:
    return found[1] in _SLOTS and (found[3] == "Attestation") == bool(found[4])


def _attestors(written: str) -> tuple[str, ...]:
    return tuple(re.findall(r"attestors\.(\w+)", written))


def _groups(draft: Draft, name: str, reading: _Reading) -> list[tuple[list[str], Sequence[_Demand]]]:
    """Return demands, each with the slots they are about; none means every one."""
    listed = list(reading.demands.items())
    if not listed:
        return [([], ())]
    if all(sorted(demands) == sorted(listed[0][1]) for _, demands in listed):
        if len(listed) < len(_SLOTS):
            slots = ", ".join(slot for slot, _ in listed)
            draft.note(f"{name}: there only {slots} are validated; here every image of a pod is")
        return [([], listed[0][1])]
    draft.note(f"{name}: images in slots that it does not validate match no policy here")
    return [([slot], demands) for slot, demands in listed]


def _begin(draft: Draft, name: str, spec: Mapping[str, object], reading: _Reading) -> Section:
    section = draft.section(name)
    listed = [as_object(one, "reference") for one in as_list(spec.get("matchImageReferences", []), "references")]
    globs = [one["glob"] for one in listed if "glob" in one]
    references(section, globs, None)
    if len(globs) < len(listed):
        section.untranslated("matchImageReferences by expression")
        section.match(["**"])
    if spec.get("validationActions") and "Deny" not in as_list(spec["validationActions"], "validationActions"):
        section.set("mode", "audit")
    for item in as_list(spec.get("matchConditions") or [], "matchConditions"):
        _condition(draft, section, as_text(as_object(item, "condition").get("expression"), "expression"))
    for what in reading.untranslated:
        section.untranslated(what)
    return section


def _condition(draft: Draft, section: Section, written: str) -> None:
    """Narrow the section to what the condition says; one of another shape is left out, which widens it."""
    found = _NAMESPACE.match(written.strip())
    if found is None:
        draft.note(f"{section.name}: the condition {written[:120]} is left out: the section speaks about every request")
    else:
        section.when(f"request.namespace {found[1]} {quoted(found[2])}")


def _demand(section: Section, spec: Mapping[str, object], demands: Sequence[_Demand]) -> list[_Demand]:
    """Put demands into the section; return those that need another one."""
    rest: list[_Demand] = []
    stated: dict[str, object] = {}
    signed = False
    for one in demands:
        if (not one.attestation and signed) or one.attestation in stated:
            rest.append(one)
            continue
        parties = _parties(section, spec, one.attestors)
        if one.attestation:
            stated[one.attestation] = {"type": _type(section, spec, one.attestation), "by": {"anyOf": parties}}
        else:
            signed = True
            # verifyImageSignatures counts those that verified, and more than none is enough
            section.verify("signatures", {"anyOf": parties})
        if not parties:
            section.untranslated(f"a validation by {', '.join(one.attestors)}")
    usable = {name: value for name, value in stated.items() if _usable(value)}
    if usable:
        section.verify("attestations", usable)
    return rest


def _usable(value: object) -> bool:
    stated = as_object(value, "attestation")
    return bool(stated["type"]) and bool(as_object(stated["by"], "by")["anyOf"])


def _type(section: Section, spec: Mapping[str, object], name: str) -> str:
    for item in as_list(spec.get("attestations") or [], "attestations"):
        attestation = as_object(item, "attestation")
        if attestation.get("name") == name and isinstance(attestation.get("intoto"), dict):
            return as_text(as_object(attestation["intoto"], "intoto").get("type"), "type")
    section.untranslated(f"the attestation {name[:60]}, which is no in-toto statement")
    return ""


def _parties(section: Section, spec: Mapping[str, object], names: tuple[str, ...]) -> list[dict[str, object]]:
    known = [as_object(one, "attestor") for one in as_list(spec.get("attestors") or [], "attestors")]
    parties = []
    for name in names:
        attestor = next((one for one in known if one.get("name") == name), None)
        try:
            if attestor is None:
                raise MalformedError("is not defined")  # noqa: TRY301  (listed with the others)
            parties.append(_party(section, attestor, name))
        except MalformedError as error:
            section.untranslated(f"attestor {name[:60]}: {error.message}")
    return parties


def _party(section: Section, attestor: Mapping[str, object], name: str) -> dict[str, object]:
    beside = only(attestor, "name", "cosign", "notary")
    if beside or ("cosign" in attestor) == ("notary" in attestor):
        raise MalformedError(beside or "neither cosign nor notary alone")
    if "notary" in attestor:
        return _notary(section, as_object(attestor["notary"], "notary"), name)
    cosign = as_object(attestor["cosign"], "cosign")
    if only(cosign, "key", "keyless", "ctlog"):
        raise MalformedError(only(cosign, "key", "keyless", "ctlog"))
    return _cosign(section, cosign, name)


def _notary(section: Section, notary: Mapping[str, object], name: str) -> dict[str, object]:
    """Trust any certificate under the roots given as text."""
    if only(notary, "certs", "tsaCerts"):
        raise MalformedError(only(notary, "certs", "tsaCerts"))
    section.root("x509", f"{section.name}-{name}"[:63], _certificates(notary.get("certs")))
    if notary.get("tsaCerts"):
        section.root("tsa", f"{section.name}-{name}-tsa"[:63], _certificates(notary["tsaCerts"]))
    section.trust("certificates", name, {"root": f"{section.name}-{name}"[:63], "subjects": ["*"]})
    return {"x509": name}


def _certificates(given: object) -> str:
    holder = as_object(given, "certs")
    text = as_text(holder.get("value"), "certs").strip()
    if only(holder, "value") or not text.startswith(_CERTIFICATE):
        raise MalformedError("certificates that are not given as text")
    return text + "\n"


def _cosign(section: Section, cosign: Mapping[str, object], name: str) -> dict[str, object]:
    log = as_object(cosign.get("ctlog") or {}, "ctlog")
    if log.get("insecureIgnoreTlog") is not True and "key" in cosign:
        section.logged()
    if only(log, "url", "insecureIgnoreTlog", "insecureIgnoreSCT") or str(log.get("url") or "") not in _REKOR:
        raise MalformedError("its own Rekor")
    if "key" in cosign:
        return _key(section, as_object(cosign["key"], "key"), name)
    keyless = as_object(cosign.get("keyless"), "keyless")
    listed = as_list(keyless.get("identities"), "identities")
    if len(listed) != 1 or only(keyless, "identities"):
        raise MalformedError("keyless with several identities or its own roots")
    found = identity(section, f"identity-{section.name}-{name}"[:63], listed[0])
    if found is None:
        raise MalformedError("keyless without issuer or subject")
    return found


def _key(section: Section, key: Mapping[str, object], name: str) -> dict[str, object]:
    beside = only(key, "data", "hashAlgorithm", "kms")
    uri = as_text(key.get("kms") or "", "kms")
    if beside or (uri and key.get("data")) or str(key.get("hashAlgorithm") or "sha256").lower() != "sha256":
        raise MalformedError(beside or "another key than one alone, with SHA-256")
    return section.service_key(uri, name) if uri else inline_key(section, key.get("data"), "attestor")
