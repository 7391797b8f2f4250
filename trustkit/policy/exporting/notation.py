"""A policy as the Notary Project's `trustpolicy.json` (trust-store-trust-policy.md, trust policy 1.0).

There exactly one statement decides about a repository, by its whole name or `*`, and trusts any of its identities under
any of its stores. What cannot be said so becomes a statement that trusts a store which nobody has: it denies.
"""

from typing import TypeGuard

from trustkit.model.values import NamedTuple
from trustkit.policy.distinguished_name import DistinguishedName
from trustkit.policy.document import ENFORCE, Policy, Section
from trustkit.policy.exporting.exported import Exported
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.trusted import TSA, PolicyCertificate, Signer

EVERYTHING = "*"
# Store names begin with letters, and no root of a policy is called so.
NOBODY = "ca:trustkit-trusts-nobody-here"
# What notation asks of an identity, or it refuses the whole file.
_MANDATORY = {"C", "ST", "O"}


class _Trusted(NamedTuple):
    """Stores and identities that a statement names; none of either trusts nobody."""

    stores: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()


def export(policy: Policy) -> Exported:
    """Return trustpolicy.json and what it does not enforce."""
    left_out = [f"{one.name}: mode {one.mode} only reports" for one in policy.sections if one.mode != ENFORCE]
    left_out += [f"{one.name}: is of a namespace, and there are none there" for one in policy.sections if one.namespace]
    enforced = [section for section in policy.sections if section.mode == ENFORCE and not section.namespace]
    known = {section.name: _trusted(section, left_out) for section in enforced}
    statements: dict[tuple[_Trusted, bool], list[str]] = {}
    for scope in sorted({scope for section in enforced for scope in _scopes(section)}):
        about = [section for section in enforced if _covers(section, scope)]
        trusted = _together([known[section.name] for section in about])
        if scope == EVERYTHING and (loose := [section for section in enforced if _unsaid(section)]):
            left_out.append(f"{loose[0].name}: its patterns are no scopes, so what is not named is denied there")
            trusted = _Trusted()
        elif trusted == _Trusted() and len(about) > 1:
            left_out.append(f"{scope}: several documents speak about it, and one statement cannot; it is denied there")
        statements.setdefault((trusted, scope == EVERYTHING), []).append(scope)
    for section in enforced:
        if unsaid := _unsaid(section):
            left_out.append(f"{section.name}: the pattern {unsaid[0]} is no scope, so its images are denied there")
    rows = [
        _statement(number, found, trusted) for number, ((trusted, _), found) in enumerate(statements.items(), start=1)
    ]
    return Exported({"version": "1.0", "trustPolicies": rows}, tuple(dict.fromkeys(left_out)))


def _statement(number: int, scopes: list[str], trusted: _Trusted) -> dict[str, object]:
    return {
        "name": f"trustkit-{number}",
        "registryScopes": scopes,
        "signatureVerification": {"level": "strict"},
        "trustStores": list(trusted.stores) or [NOBODY],
        "trustedIdentities": list(trusted.identities) or [EVERYTHING],
    }


def _scopes(section: Section) -> list[str]:
    if not section.match.images:
        return [EVERYTHING]
    return [EVERYTHING if one.text == "**" else one.text for one in section.match.images if _is_scope(one.text)]


def _unsaid(section: Section) -> list[str]:
    return [one.text for one in section.match.images if not _is_scope(one.text)]


def _is_scope(text: str) -> bool:
    return text == "**" or ("*" not in text and "/" in text and not text.startswith("oci"))


def _covers(section: Section, scope: str) -> bool:
    """Whether the section speaks about every image of the scope, and for `*` whether it does of what nobody names."""
    if not section.match.images:
        return True
    if scope == EVERYTHING:
        return any(one.text == "**" for one in section.match.images)
    return any(one.matches(scope) for one in section.match.images)


def _together(found: list[_Trusted | None]) -> _Trusted:
    """Return what suffices for all of these sections at once; nobody if no statement can say so, or none asks."""
    asked = [one for one in found if one is not None]
    return asked[0] if asked and all(one == asked[0] for one in asked) else _Trusted()


def _trusted(section: Section, left_out: list[str]) -> _Trusted | None:
    """Return whom a section trusts; nobody if a statement cannot say so, None if it asks for no evidence."""
    match = section.match
    if match.when is not None or match.namespaces or match.selector or match.engines:
        left_out.append(f"{section.name}: engines, namespaces, conditions are left out: it is about every request")
    if section.exemptions or section.break_glass:
        left_out.append(f"{section.name}: exemptions and break-glass grants are left out")
    found: list[_Trusted] = []
    for rule in section.rules:
        if isinstance(rule, SignedBy):
            found.append(_signed(rule, section))
        elif rule.demands_evidence:
            found.append(_Trusted())
        else:
            left_out.append(f"{section.name}/{rule.id}: not enforced there")
            continue
        if found[-1] == _Trusted():
            left_out.append(f"{section.name}/{rule.id}: cannot be said there, so the images are denied")
    if not found and section.rules:
        return None
    return found[0] if len(found) == 1 else _Trusted()


def _signed(rule: SignedBy, section: Section) -> _Trusted:
    """Return whom the rule trusts; nobody if a statement would trust more."""
    options = [option.of[0] for option in rule.options if option.needed == 1 and len(option.of) == 1]
    if rule.annotations or len(options) != len(rule.options) or not _are_certificates(options):
        return _Trusted()
    roots = tuple(dict.fromkeys(one.root.replace("/", ":") for one in options))
    subjects = {frozenset(subject.attributes for subject in one.subjects) for one in options}
    # any identity counts under any store there
    if len(roots) > 1 and len(subjects) > 1:
        return _Trusted()
    stamps = tuple(f"tsa:{root.name}" for root in section.roots if root.kind == TSA)
    if any(not one.subjects for one in options):
        return _Trusted((*roots, *stamps), (EVERYTHING,))
    names = _widest([subject for one in options for subject in one.subjects])
    if any({kind for kind, _ in name.attributes} & _MANDATORY != _MANDATORY for name in names):
        return _Trusted()
    return _Trusted((*roots, *stamps), tuple(f"x509.subject: {name.text}" for name in names))


def _are_certificates(signers: list[Signer]) -> TypeGuard[list[PolicyCertificate]]:
    return bool(signers) and all(isinstance(one, PolicyCertificate) for one in signers)


def _widest(names: list[DistinguishedName]) -> list[DistinguishedName]:
    """Return each name once, without those that another one covers: notation refuses overlaps."""
    kept: list[DistinguishedName] = []
    for name in names:
        if any(one.within(name) for one in kept):
            continue
        kept = [one for one in kept if not name.within(one)] + [name]
    return kept
