"""Connaisseur's `values.yaml`: validators, and the policy that says which image goes to which."""

from collections.abc import Mapping

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Draft, Section
from trustkit.policy.importing.names import bare, full, narrow, wide
from trustkit.policy.importing.sigstore import identity, inline_key, only


def is_values(document: Mapping[str, object]) -> bool:
    """Whether the document looks like Connaisseur's."""
    inside = document.get("application") if isinstance(document.get("application"), dict) else document
    return isinstance(inside, dict) and "validators" in inside and "policy" in inside


def convert(document: Mapping[str, object], draft: Draft, until: str) -> None:
    """Add the policy. Raises MalformedError."""
    inside = as_object(document.get("application", document), "application")
    validators = {
        as_text(as_object(one, "validator").get("name"), "validator name"): as_object(one, "validator")
        for one in as_list(inside.get("validators"), "validators")
    }
    policy = [as_object(one, "policy") for one in as_list(inside.get("policy"), "policy")]
    patterns = [as_text(one.get("pattern"), "pattern") for one in policy]
    features = as_object(inside.get("features") or {}, "features")
    if features.get("automaticUnchangedApproval") or features.get("automaticChildApproval"):
        draft.note("automatic approvals are left out: every image is verified")
    for one, pattern in zip(policy, patterns, strict=True):
        section = draft.section(pattern.replace("*", "all"))
        # the most specific pattern alone decides there: what goes elsewhere is excluded here
        _match(section, pattern, [other for other in patterns if _more_specific(other, pattern)])
        if features.get("detectionMode"):
            section.set("mode", "warn")
        name = as_text(one.get("validator", "default"), "validator")
        if name not in validators:
            section.untranslated(f"validator {name[:60]} is not defined")
            continue
        _validator(section, validators[name], as_object(one.get("with") or {}, "with"), until)


def _more_specific(other: str, pattern: str) -> bool:
    return other != pattern and len(other.replace("*", "")) > len(pattern.replace("*", ""))


def _match(section: Section, pattern: str, others: list[str]) -> None:
    name, is_open = bare(pattern)
    found = wide(full(name))
    if not found or not is_open:
        section.untranslated(f"the pattern {pattern[:120]}")
    without = [narrow(full(bare(one)[0])) for one in others if bare(one)[1]]
    section.match([found or "**"], without)


def _validator(section: Section, validator: Mapping[str, object], chosen: Mapping[str, object], until: str) -> None:
    kind = as_text(validator.get("type"), "type")
    if kind == "static":
        if validator.get("approve") is True:
            section.accept_until(until, "a static validator that approves")
        else:
            section.deny("a static validator that refuses")
        return
    if kind != "cosign":
        section.untranslated(f"a validator of type {kind[:40]}")
        return
    more = only(validator, "name", "type", "trustRoots", "auth", "cert") or only(
        chosen, "trustRoot", "threshold", "required", "mode"
    )
    if more or str(chosen.get("mode") or "ensure") not in ("ensure", "mutate"):
        section.untranslated(more or f"mode {str(chosen.get('mode'))[:40]}")
    roots = {
        as_text(as_object(one, "trust root").get("name"), "trust root name"): as_object(one, "trust root")
        for one in as_list(validator.get("trustRoots"), "trustRoots")
    }
    wanted = str(chosen.get("trustRoot") or "default")
    names = list(roots) if wanted == "*" else [wanted]
    parties = {name: _party(section, name, roots.get(name)) for name in names}
    if not all(parties.values()):
        return
    _signed(section, {name: party for name, party in parties.items() if party is not None}, chosen)


def _party(section: Section, name: str, root: Mapping[str, object] | None) -> dict[str, object] | None:
    try:
        if root is None:
            raise MalformedError("it is not defined")  # noqa: TRY301  (listed with the others)
        if "keyless" in root and not only(root, "name", "keyless"):
            found = identity(section, f"identity-{name}"[:63], root["keyless"])
        elif only(root, "name", "key"):
            raise MalformedError(only(root, "name", "key"))  # noqa: TRY301
        else:
            # Connaisseur looks into the transparency log for keys too
            section.logged()
            found = inline_key(section, root.get("key"), name)
    except MalformedError as error:
        section.untranslated(f"trust root {name[:60]}: {error.message}")
        return None
    if found is None:
        section.untranslated(f"trust root {name[:60]}: keyless without issuer or subject")
    return found


def _signed(section: Section, parties: Mapping[str, dict[str, object]], chosen: Mapping[str, object]) -> None:
    listed = list(parties.values())
    threshold = chosen.get("threshold")
    required = [as_text(item, "required") for item in as_list(chosen.get("required") or [], "required")]
    count = (
        threshold if isinstance(threshold, int) and not isinstance(threshold, bool) else len(required) or len(listed)
    )
    if required and set(required) != set(parties) and count != len(required):
        section.untranslated("required trust roots beside a threshold")
        return
    if required and count == len(required):
        listed = [parties[name] for name in required if name in parties]
    if not 0 < count <= len(listed):
        section.untranslated(f"a threshold of {count} of {len(listed)}")
    elif len(listed) == 1:
        section.verify("signatures", listed[0])
    else:
        section.verify("signatures", {"threshold": {"count": count, "of": listed}})
