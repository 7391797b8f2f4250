"""sigstore policy-controller's ClusterImagePolicy."""

from collections.abc import Mapping

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Draft, Imported, Section
from trustkit.policy.importing.names import bare, full, wide
from trustkit.policy.importing.sigstore import identity, inline_key, only

KIND = "ClusterImagePolicy"
_FULCIO = ("", "https://fulcio.sigstore.dev")
_REKOR = ("", "https://rekor.sigstore.dev")
_TYPES = {
    "custom": "https://cosign.sigstore.dev/attestation/v1",
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "link": "https://in-toto.io/Link/v1",
}


def convert(document: Mapping[str, object], draft: Draft, until: str) -> Imported:
    """Add one document. Raises MalformedError."""
    name = as_text(as_object(document.get("metadata"), "metadata").get("name"), "metadata.name")
    spec = as_object(document.get("spec"), "spec")
    section = draft.section(name)
    _images(section, spec)
    if spec.get("mode") == "warn":
        section.set("mode", "warn")
    if spec.get("match"):
        draft.note(f"{section.name}: spec.match (kinds and labels) is left out: it speaks about every request")
    if spec.get("policy"):
        section.untranslated("spec.policy (CUE or Rego)")
    authorities = [as_object(item, "authority") for item in as_list(spec.get("authorities", []), "authorities")]
    statics = [as_object(one["static"], "static").get("action") for one in authorities if "static" in one]
    if "pass" in statics:
        section.accept_until(until, "static: pass")
        return draft.finished()
    real = [one for one in authorities if "static" not in one]
    if not real:
        section.deny("static: fail" if statics else "no authority is given")
    elif any(one.get("attestations") for one in real):
        _attested(section, real)
    else:
        options = [party for number, one in enumerate(real, 1) for party in _parties(section, one, number)]
        if options:
            section.verify("signatures", {"anyOf": options})
    return draft.finished()


def _images(section: Section, spec: Mapping[str, object]) -> None:
    patterns = []
    for item in as_list(spec.get("images", []), "images"):
        written = as_text(as_object(item, "image").get("glob"), "glob")
        name, is_open = bare(written)
        pattern = wide(full(name))
        if not pattern or not is_open:
            section.untranslated(f"the glob {written[:120]}")
            pattern = pattern or "**"
        patterns.append(pattern)
    section.match(patterns or ["**"])


def _parties(section: Section, authority: Mapping[str, object], number: int) -> list[dict[str, object]]:
    """Return the parties of an authority; one that cannot be said is listed, and the section denies."""
    name = str(authority.get("name") or f"authority-{number}")
    more = only(authority, "name", "key", "keyless", "ctlog", "attestations", "static")
    log = as_object(authority.get("ctlog") or {}, "ctlog")
    problem = f"{more} of authority {name}" if more else ""
    if str(log.get("url") or "") not in _REKOR or only(log, "url"):
        problem = f"the log of authority {name}"
    if problem:
        section.untranslated(problem)
        return []
    try:
        if "key" in authority:
            return [_key(section, as_object(authority["key"], "key"), name, logged=bool(log))]
        return _keyless(section, as_object(authority.get("keyless"), "keyless"), number)
    except MalformedError as error:
        section.untranslated(f"authority {name}: {error.message}")
        return []


def _key(section: Section, key: Mapping[str, object], name: str, *, logged: bool) -> dict[str, object]:
    beside = only(key, "data", "hashAlgorithm", "kms")
    if beside or str(key.get("hashAlgorithm") or "sha256") != "sha256":
        raise MalformedError(f"key by {beside or 'another hash'}")
    if logged:
        raise MalformedError("a key whose signatures must be logged")
    if key.get("kms") and not key.get("data"):
        return section.service_key(as_text(key["kms"], "kms"), name)
    return inline_key(section, key.get("data"), name)


def _keyless(section: Section, keyless: Mapping[str, object], number: int) -> list[dict[str, object]]:
    more = only(keyless, "url", "identities")
    if more or str(keyless.get("url") or "") not in _FULCIO:
        raise MalformedError(f"keyless with {more or 'its own Fulcio'}")
    listed = as_list(keyless.get("identities", []), "identities")
    found = [identity(section, f"identity-{number}-{place}", one) for place, one in enumerate(listed, 1)]
    if not found or None in found:
        raise MalformedError("keyless without issuer or subject")
    return [one for one in found if one is not None]


def _attested(section: Section, authorities: list[dict[str, object]]) -> None:
    if len(authorities) > 1:
        section.untranslated("attestations of one of several authorities")
    found: dict[str, object] = {}
    for number, authority in enumerate(authorities, 1):
        parties = _parties(section, authority, number)
        for place, item in enumerate(as_list(authority.get("attestations") or [], "attestations"), 1):
            attestation = as_object(item, "attestation")
            written = as_text(attestation.get("predicateType"), "predicateType")
            name = f"attestation-{number}-{place}"
            if attestation.get("policy"):
                section.untranslated(f"the policy (CUE or Rego) of attestation {str(attestation.get('name'))[:60]}")
            if parties:
                found[name] = {"type": _TYPES.get(written, written), "by": {"anyOf": parties}}
    if found:
        section.verify("attestations", found)
