"""Kyverno's `verifyImages` of (Cluster)Policy, and ImageValidatingPolicy."""

from collections.abc import Mapping

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Draft, Section
from trustkit.policy.importing.image_validating import image_validating
from trustkit.policy.importing.references import references
from trustkit.policy.importing.sigstore import identity, inline_key, only

KINDS = ("ClusterPolicy", "Policy", "ImageValidatingPolicy", "NamespacedImageValidatingPolicy")
_REKOR = ("", "https://rekor.sigstore.dev")


def convert(document: Mapping[str, object], draft: Draft) -> None:
    """Add one document. Raises MalformedError."""
    kind = as_text(document.get("kind"), "kind")
    name = as_text(as_object(document.get("metadata"), "metadata").get("name"), "metadata.name")
    spec = as_object(document.get("spec"), "spec")
    if "ImageValidating" in kind:
        image_validating(draft, name, spec)
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
    references(section, verify.get("imageReferences"), verify.get("skipImageReferences"))
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
