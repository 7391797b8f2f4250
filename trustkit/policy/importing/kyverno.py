"""Kyverno's `verifyImages` of (Cluster)Policy, and ImageValidatingPolicy."""

import re
from collections.abc import Mapping

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Draft, Section
from trustkit.policy.importing.names import bare, full, narrow, wide
from trustkit.policy.importing.sigstore import identity, inline_key, only

KINDS = ("ClusterPolicy", "Policy", "ImageValidatingPolicy", "NamespacedImageValidatingPolicy")
_REKOR = ("", "https://rekor.sigstore.dev")
# Every container's image, verified by these attestors, at least once.
_ALL_VERIFIED = re.compile(
    r"images\.containers\.map\((\w+), ?verifyImageSignatures\(\1, ?\[((?:attestors\.\w+(?:, ?)?)+)\]\)\)"
    r"\.all\((\w+), ?\3 ?> ?0\)\Z"
)


def convert(document: Mapping[str, object], draft: Draft) -> None:
    """Add one document. Raises MalformedError."""
    kind = as_text(document.get("kind"), "kind")
    name = as_text(as_object(document.get("metadata"), "metadata").get("name"), "metadata.name")
    spec = as_object(document.get("spec"), "spec")
    if "ImageValidating" in kind:
        _image_validating(draft, name, spec)
        return
    for number, item in enumerate(as_list(spec.get("rules"), "rules"), 1):
        rule = as_object(item, "rule")
        if "verifyImages" not in rule:
            draft.note(f"{name}: rule {str(rule.get('name') or number)[:60]} is about other things and left out")
            continue
        for one in as_list(rule["verifyImages"], "verifyImages"):
            _verify_images(draft, name, spec, rule, as_object(one, "verifyImages"))


def _verify_images(
    draft: Draft, name: str, spec: Mapping[str, object], rule: Mapping[str, object], verify: Mapping[str, object]
) -> None:
    section = draft.section(f"{name}-{rule.get('name') or 'rule'}")
    _references(section, verify.get("imageReferences"), verify.get("skipImageReferences"))
    action = verify.get("failureAction") or spec.get("validationFailureAction") or "Audit"
    if str(action).lower() == "audit":
        section.set("mode", "audit")
    for part in ("exclude", "preconditions", "context"):
        if rule.get(part):
            if part == "context":
                section.untranslated("context")
            else:
                draft.note(f"{section.name}: {part} is left out: the section speaks about every request")
    if str(verify.get("type") or "Cosign") not in ("Cosign", "SigstoreBundle"):
        section.untranslated(f"type {str(verify.get('type'))[:40]}")
    more = only(
        verify, "imageReferences", "skipImageReferences", "failureAction", "type", "attestors", "attestations",
        "required", "verifyDigest", "mutateDigest", "useCache", "rekor", "name",
    )  # fmt: skip
    if more:
        section.untranslated(more)
    if verify.get("required") is False:
        draft.note(f"{section.name}: `required: false` is left out: the image must be signed")
    if verify.get("verifyDigest", True) is not False and verify.get("mutateDigest") is False:
        section.set("digest", {"require": True})
    _attestor_sets(draft, section, verify.get("attestors"))
    _attestations(section, verify.get("attestations"))
    if not verify.get("attestors") and not verify.get("attestations"):
        section.deny("no attestor is given")


def _references(section: Section, given: object, skipped: object) -> None:
    patterns, without = [], []
    for item in as_list(given or [], "imageReferences"):
        written = as_text(item, "imageReferences")
        name, is_open = bare(written)
        pattern = wide(full(name)) if "{{" not in written else ""
        if not pattern or not is_open:
            section.untranslated(f"the image reference {written[:120]}")
        patterns.append(pattern or "**")
    for item in as_list(skipped or [], "skipImageReferences"):
        written = as_text(item, "skipImageReferences")
        name, is_open = bare(written)
        if is_open and "{{" not in written:
            without.append(narrow(full(name)))
        else:
            section.untranslated(f"the skipped reference {written[:120]}")
    section.match(patterns or ["**"], without)


def _attestor_sets(draft: Draft, section: Section, given: object) -> None:
    sets = as_list(given or [], "attestors")
    for place, item in enumerate(sets, 1):
        # sets are ANDed, and a section has one `signatures`: each further set is a section of its own
        target = section if place == 1 else draft.section(f"{section.name}-set")
        if place > 1:
            target.copy_scope(section)
        signers = _signers(target, as_object(item, "attestors"))
        if signers:
            target.verify("signatures", signers)


def _signers(section: Section, attestors: Mapping[str, object]) -> dict[str, object]:
    entries = [as_object(one, "entry") for one in as_list(attestors.get("entries"), "entries")]
    parties = []
    for number, entry in enumerate(entries, 1):
        try:
            parties.append(_entry(section, entry, f"{number}"))
        except MalformedError as error:
            section.untranslated(f"attestor {number}: {error.message}")
    count = attestors.get("count")
    if only(attestors, "entries", "count") or not (count is None or (isinstance(count, int) and count > 0)):
        section.untranslated("attestors with other members than entries and count")
    if len(parties) < len(entries) or not parties:
        return {}
    needed = count if isinstance(count, int) else len(parties)
    if needed > len({str(party) for party in parties}):
        section.untranslated(f"{needed} of {len(parties)} attestors: one stands there twice")
        return {}
    return parties[0] if len(parties) == 1 else {"threshold": {"count": needed, "of": parties}}


def _entry(section: Section, entry: Mapping[str, object], number: str) -> dict[str, object]:
    more = only(entry, "keys", "keyless")
    if more:
        raise MalformedError(more)
    if "keys" in entry:
        keys = as_object(entry["keys"], "keys")
        beside = only(keys, "publicKeys", "signatureAlgorithm", "rekor", "ctlog")
        rekor = as_object(keys.get("rekor") or {}, "rekor")
        if beside or str(keys.get("signatureAlgorithm") or "sha256") != "sha256":
            raise MalformedError(beside or "another hash")
        if rekor.get("ignoreTlog") is not True:
            section.logged()
        if str(rekor.get("url") or "") not in _REKOR or rekor.get("pubkey"):
            raise MalformedError("its own Rekor")
        return inline_key(section, keys.get("publicKeys"), "attestor")
    keyless = as_object(entry.get("keyless"), "keyless")
    rekor = as_object(keyless.get("rekor") or {}, "rekor")
    beside = only(keyless, "issuer", "subject", "issuerRegExp", "subjectRegExp", "rekor", "ctlog")
    if beside or only(rekor, "url") or str(rekor.get("url") or "") not in _REKOR:
        raise MalformedError(beside or "its own Rekor")
    found = identity(section, f"identity-{section.name}-{number}"[:63], keyless, wildcards=True)
    if found is None:
        raise MalformedError("keyless without issuer or subject")
    return found


def _attestations(section: Section, given: object) -> None:
    found: dict[str, object] = {}
    for number, item in enumerate(as_list(given or [], "attestations"), 1):
        attestation = as_object(item, "attestation")
        kind = as_text(attestation.get("type") or attestation.get("predicateType"), "type")
        if attestation.get("conditions"):
            section.untranslated(f"the conditions of attestation {kind[:80]}")
        sets = as_list(attestation.get("attestors") or [], "attestors")
        if len(sets) != 1:
            section.untranslated(f"attestation {kind[:80]} by {len(sets)} sets of attestors")
            continue
        signers = _signers(section, as_object(sets[0], "attestors"))
        if signers:
            found[f"attestation-{number}"] = {"type": kind, "by": signers}
    if found:
        section.verify("attestations", found)


def _image_validating(draft: Draft, name: str, spec: Mapping[str, object]) -> None:
    section = draft.section(name)
    references = [as_object(one, "reference") for one in as_list(spec.get("matchImageReferences", []), "references")]
    globs = [one["glob"] for one in references if "glob" in one]
    _references(section, globs, None)
    if len(globs) < len(references):
        section.untranslated("matchImageReferences by expression")
        section.match(["**"])
    if spec.get("validationActions") and "Deny" not in as_list(spec["validationActions"], "validationActions"):
        section.set("mode", "audit")
    more = only(
        spec, "matchImageReferences", "validationActions", "attestors", "validations", "matchConstraints",
        "validationConfigurations", "evaluation", "failurePolicy", "webhookConfiguration", "attestations",
    )  # fmt: skip
    if more:
        section.untranslated(more)
    parties = _named_attestors(section, spec)
    for item in as_list(spec.get("validations", []), "validations"):
        written = re.sub(r"\s+", " ", as_text(as_object(item, "validation").get("expression"), "expression")).strip()
        found = _ALL_VERIFIED.match(written)
        names = re.findall(r"attestors\.(\w+)", found[2]) if found else []
        if not names or not all(one in parties for one in names):
            section.untranslated(f"the validation {written[:160]}")
        else:
            # verifyImageSignatures counts those that verified, and more than none is enough
            section.verify("signatures", {"anyOf": [parties[one] for one in names]})
    if not spec.get("validations"):
        section.deny("no validation is given")


def _named_attestors(section: Section, spec: Mapping[str, object]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for number, item in enumerate(as_list(spec.get("attestors", []), "attestors"), 1):
        attestor = as_object(item, "attestor")
        name = as_text(attestor.get("name"), "attestor name")
        try:
            cosign = as_object(attestor.get("cosign"), "cosign")
            if only(cosign, "key", "keyless", "ctlog"):
                raise MalformedError(only(cosign, "key", "keyless", "ctlog"))  # noqa: TRY301  (listed with the others)
            found[name] = _cosign(section, cosign, f"{number}")
        except MalformedError as error:
            section.untranslated(f"attestor {name[:60]}: {error.message}")
    return found


def _cosign(section: Section, cosign: Mapping[str, object], number: str) -> dict[str, object]:
    log = as_object(cosign.get("ctlog") or {}, "ctlog")
    if log.get("insecureIgnoreTlog") is not True and "key" in cosign:
        section.logged()
    if only(log, "url", "insecureIgnoreTlog", "insecureIgnoreSCT") or str(log.get("url") or "") not in _REKOR:
        raise MalformedError("its own Rekor")
    if "key" in cosign:
        key = as_object(cosign["key"], "key")
        if only(key, "data", "hashAlgorithm"):
            raise MalformedError(only(key, "data", "hashAlgorithm"))
        return inline_key(section, key.get("data"), "attestor")
    keyless = as_object(cosign.get("keyless"), "keyless")
    listed = as_list(keyless.get("identities"), "identities")
    if len(listed) != 1 or only(keyless, "identities"):
        raise MalformedError("keyless with several identities or its own roots")
    found = identity(section, f"identity-{section.name}-{number}"[:63], listed[0])
    if found is None:
        raise MalformedError("keyless without issuer or subject")
    return found
