"""The Notary Project's `trustpolicy.json` (trust-store-trust-policy.md, trust policy 1.0)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Draft, Imported, Section, literal
from trustkit.policy.importing.sigstore import only

_FAR = timedelta(days=90)
_SUBJECT = "x509.subject:"
_STORES = {"ca": "ca", "signingAuthority": "signingAuthority"}


def convert(value: object, now: datetime) -> Imported:
    """Return the policy. Raises MalformedError."""
    top = as_object(value, "trustpolicy.json")
    if top.get("version") != "1.0":
        raise MalformedError(f"trustpolicy.json has version {str(top.get('version'))[:20]!r}, not 1.0")
    draft = Draft()
    until = (now + _FAR).strftime("%Y-%m-%dT%H:%M:%SZ")
    policies = [as_object(item, "trust policy") for item in as_list(top.get("trustPolicies"), "trustPolicies")]
    if not policies:
        raise MalformedError("trustpolicy.json has no trust policy")
    named = [scope for one in policies for scope in _scopes(one) if scope != "*"]
    for one in policies:
        section = draft.section(as_text(one.get("name"), "name"))
        scopes = _scopes(one)
        everything = "*" in scopes
        section.match(
            ["**"] if everything else scopes, [f"^{literal(scope)}$" for scope in named] if everything else []
        )
        more = only(one, "name", "registryScopes", "signatureVerification", "trustStores", "trustedIdentities")
        if more:
            section.untranslated(more)
        _level(draft, section, as_object(one.get("signatureVerification"), "signatureVerification"), until, one)
    return draft.finished()


def _scopes(policy: Mapping[str, object]) -> list[str]:
    found = [as_text(item, "registryScopes") for item in as_list(policy.get("registryScopes"), "registryScopes")]
    if not found:
        raise MalformedError("a trust policy has no registryScopes")
    return found


def _level(
    draft: Draft, section: Section, verification: Mapping[str, object], until: str, policy: Mapping[str, object]
) -> None:
    level = as_text(verification.get("level"), "level")
    if level == "skip":
        section.accept_until(until, "level skip")
        return
    if level not in ("strict", "permissive", "audit"):
        section.untranslated(f"level {level[:40]}")
        return
    if level == "audit":
        section.set("mode", "audit")
    override = as_object(verification.get("override") or {}, "override")
    loose = {name for name, action in override.items() if action != "enforce"}
    if level == "permissive":
        loose |= {"authenticTimestamp", "expiry", "revocation"} - override.keys()
    lenient = "revocation" in loose
    if lenient:
        draft.note(f"{section.name}: who was revoked is denied; of whom that cannot be found out, passes")
    if others := sorted(loose - {"revocation"}):
        draft.note(f"{section.name}: {', '.join(others)[:120]} deny, and are not only logged")
    if verification.get("verifyTimestamp") == "afterCertExpiry":
        draft.note(f"{section.name}: timestamps are asked for always, not only after a certificate's end")
    if loose:
        draft.note(f"{section.name}: `trustkit verify --trust-policy` judges by the file itself, with its levels")
    _signers(draft, section, policy, lenient=lenient)


def _signers(draft: Draft, section: Section, policy: Mapping[str, object], *, lenient: bool) -> None:
    identities = [as_text(item, "trustedIdentities") for item in as_list(policy.get("trustedIdentities"), "identities")]
    subjects = [one.removeprefix(_SUBJECT).strip() for one in identities if one.startswith(_SUBJECT)]
    odd = [one for one in identities if not one.startswith(_SUBJECT) and one != "*"]
    if odd:
        section.untranslated(f"the trusted identity {odd[0][:80]}")
    options: list[object] = []
    for item in as_list(policy.get("trustStores"), "trustStores"):
        kind, colon, name = as_text(item, "trustStores").partition(":")
        file = f"trust/{kind}-{name}.pem"
        if kind == "tsa":
            section.root("tsa", name, file)
        elif colon and kind in _STORES and not (subjects or "*" in identities):
            continue
        elif colon and kind in _STORES:
            more = {"revocation": "permissive"} if lenient else {}
            section.root("x509", name, {"pem": file, "kind": _STORES[kind], **more})
            party = f"{kind.lower()}-{name}"
            section.trust("certificates", party, {"root": name, "subjects": ["*"] if "*" in identities else subjects})
            options.append({"x509": party})
        else:
            section.untranslated(f"the trust store {kind[:40]}:{name[:40]}")
            continue
        draft.note(f"put the certificates of the trust store {kind}:{name} into {file}, one after another")
    if options:
        section.verify("signatures", {"anyOf": options})
    else:
        section.untranslated("no trust store or no identity that could be said")
