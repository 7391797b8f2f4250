"""A policy as containers `policy.json`, for Podman, CRI-O, Buildah and Skopeo.

There the most specific scope alone decides; here every section that matches must pass. So each scope gets the
requirements of all sections that cover it. A demand for evidence that cannot be said there becomes `reject`.
"""

from collections.abc import Iterator

from trustkit.codec.base64 import encode
from trustkit.policy.document import ENFORCE, Policy, Section
from trustkit.policy.exporting.exported import Exported
from trustkit.policy.pattern import Pattern
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers
from trustkit.policy.trusted import Demand, PolicyKey, Signer

Requirement = dict[str, object]
REJECT: Requirement = {"type": "reject"}


def export(policy: Policy) -> Exported:
    """Return policy.json and what it does not enforce."""
    left_out = [f"{one.name}: mode {one.mode} only reports" for one in policy.sections if one.mode != ENFORCE]
    left_out += [f"{one.name}: is of a namespace, and there are none there" for one in policy.sections if one.namespace]
    enforced = [section for section in policy.sections if section.mode == ENFORCE and not section.namespace]
    known = {section.name: list(_requirements(section, left_out)) for section in enforced}
    scopes: dict[str, list[Requirement]] = {}
    for section in enforced:
        for pattern in section.match.images or (Pattern.compile("**"),):
            scope = _scope(pattern)
            if scope is None:
                left_out.append(f"{section.name}: the pattern {pattern.text} is no scope; everything is rejected there")
                scope = ""
                known[section.name] = [REJECT]
            elif "*" not in pattern.text:
                left_out.append(f"{section.name}: the scope {pattern.text} also covers what lies below it")
            scopes.setdefault(scope, [])
    for scope, found in scopes.items():
        for section in enforced:
            patterns = section.match.images or (Pattern.compile("**"),)
            if any(_covers(_scope(pattern) or "", scope) for pattern in patterns):
                found += [one for one in known[section.name] if one not in found]
    default = scopes.pop("", None)
    document = {
        "default": default or [REJECT],
        "transports": {"docker": {scope: [REJECT] if REJECT in found else found for scope, found in scopes.items()}},
    }
    return Exported(document, tuple(left_out))


def _scope(pattern: Pattern) -> str | None:
    """Return the scope of a pattern: a name, or all below one; None for others."""
    text = pattern.text
    if text == "**":
        return ""
    if text.startswith("*.") and text.endswith("/**") and "*" not in text[1:-3]:
        return text[:-3]
    plain = text.removesuffix("/**")
    return plain if "*" not in plain and not plain.startswith(("oci:", "oci-archive:", "docker-archive:")) else None


def _covers(wide: str, scope: str) -> bool:
    if wide in ("", scope):
        return True
    if wide.startswith("*."):
        return scope.partition("/")[0].endswith(wide[1:])
    return scope.startswith(f"{wide}/")


def _requirements(section: Section, left_out: list[str]) -> Iterator[Requirement]:
    match = section.match
    if match.when is not None or match.namespaces or match.selector or match.engines:
        left_out.append(f"{section.name}: engines, namespaces, conditions are left out: it is about every request")
    if section.exemptions:
        left_out.append(f"{section.name}: exemptions are left out")
    if section.break_glass:
        left_out.append(f"{section.name}: break-glass grants are left out")
    demanded = False
    for rule in section.rules:
        found = list(_signed(rule)) if isinstance(rule, SignedBy) else None
        if found:
            demanded = True
            yield from found
        elif rule.demands_evidence:
            demanded = True
            left_out.append(f"{section.name}/{rule.id}: cannot be said there, so the images are rejected")
            yield REJECT
        else:
            left_out.append(f"{section.name}/{rule.id}: not enforced there")
    if not demanded and not section.rules:
        yield REJECT


def _signed(rule: SignedBy) -> Iterator[Requirement]:
    """Yield the requirements of a rule, all of which must hold; nothing if it cannot be said."""
    if rule.annotations:
        return
    if all(option.needed == 1 and len(option.of) == 1 for option in rule.options):
        yield from _one_of([option.of[0] for option in rule.options])
    elif len(rule.options) == 1 and _everybody(rule.options[0]):
        parts = [list(_one_of([signer])) for signer in rule.options[0].of]
        if all(parts):
            yield from (part for found in parts for part in found)


def _everybody(option: Signers) -> bool:
    return option.needed == len(option.of)


def _one_of(signers: list[Signer]) -> Iterator[Requirement]:
    keys = [one for one in signers if isinstance(one, PolicyKey)]
    bounded = any(
        key.algorithms or key.not_before or key.not_after or key.logged or key.demand != Demand() for key in keys
    )
    if len(keys) == len(signers) and keys and not bounded:
        data = [encode(key.pem) for key in keys]
        # older versions know one key only
        given = {"keyData": data[0]} if len(data) == 1 else {"keyDatas": data}
        yield {"type": "sigstoreSigned", **given, "signedIdentity": {"type": "matchRepository"}}
