"""Documents of one namespace: they hold there besides the cluster's, and can only tighten.

What the cluster's documents decide is decided without them; a document of a namespace adds findings of its own.
Roots are believed whoever named them: a log dates signatures by every key, an authority every certificate's. So a
document of a namespace names those of the cluster's documents, and no others. Keys it may have of its own: what only
they prove is shown to documents of the namespace, and to no others.
"""

from collections.abc import Callable, Collection, Iterable

from trustkit.codec.canonical_json import canonical
from trustkit.errors import PolicySyntaxError
from trustkit.model.digest import Digest
from trustkit.model.facts import Facts
from trustkit.model.signature import VerifiedSignature
from trustkit.policy.document import AS_CONFIGURED, Policy, Section, trusted_keys
from trustkit.policy.nodes import located
from trustkit.policy.pattern import Pattern
from trustkit.policy.trusted import TUF, PolicyKey, PolicyRoot, by_plain_key

_STEP = "ask who keeps the cluster's policy to put it there, or remove it"


def of_namespace(
    section: Section, namespace: str, digest: Callable[[bytes], Digest], roots: Collection[PolicyRoot] = ()
) -> Section:
    """Return the document as one of this namespace alone; `roots` are those of the cluster's documents.

    Raises PolicySyntaxError for what reaches beyond it.
    """
    here = Pattern.compile(namespace)
    if section.match.namespaces not in ((), (here,)):
        raise _refused(section, "match.namespaces", f"a document of {namespace} speaks about {namespace} only")
    if section.on_no_match != "deny":
        raise _refused(section, "enforcement.onNoMatch", "what no document names is the cluster's to allow")
    if section.fail_open:
        raise _refused(section, "enforcement.onError", "what nobody could look at is the cluster's to let through")
    if section.means != AS_CONFIGURED:
        raise _refused(section, "cache, registry, enforcement or discovery", "how images are found is the cluster's")
    for key in section.keys:
        if key.revoked is not None:
            raise _refused(section, f"trust.keys.{key.name}.revoked", "a key is lost for every namespace or for none")
    if any(root.kind == TUF for root in section.roots):
        raise _refused(section, "trust.contentTrust", "a repository's root is believed in every namespace")
    for root in section.roots:
        if root not in roots:
            reason = (
                f"the {root.kind} root {root.name!r} would be believed in every namespace, and no document of the "
                "cluster names it alike: by this name, with this content, transparency and revocation"
            )
            raise _refused(section, "trust.roots", reason)
    return section._replace(
        # no document of the cluster can have a name with a slash
        name=f"{namespace}/{section.name}",
        namespace=namespace,
        match=section.match._replace(namespaces=(here,)),
        digest=digest(canonical([namespace, str(section.digest)])),
    )


def proven_to(policy: Policy, facts: Facts, namespace: str) -> Facts:
    """Return the facts without what only keys of other namespaces prove; an empty namespace means the cluster.

    A key that several documents name counts within the bounds of those that are asked.
    """
    sections = tuple(section for section in policy.sections if section.namespace in ("", namespace))
    keys = trusted_keys(policy._replace(sections=sections))
    elsewhere = {key.fingerprint for section in policy.sections if section.namespace for key in section.keys}
    accepted = tuple(item for item in facts.report.accepted if _proven(item, keys, elsewhere, facts))
    return facts._replace(report=facts.report._replace(accepted=accepted))


def _proven(item: VerifiedSignature, keys: Iterable[PolicyKey], elsewhere: Collection[str], facts: Facts) -> bool:
    """Whether the item would count without the bounds that documents of other namespaces give its key."""
    if item.signer.fingerprint not in elsewhere or not by_plain_key(item.signer):
        return True
    return any(
        key.fits(item, facts)
        and (not key.algorithms or item.algorithm in key.algorithms)
        and (key.not_before is None or facts.now >= key.not_before)
        and (key.not_after is None or facts.now <= key.not_after)
        for key in keys
    )


def _refused(section: Section, field: str, reason: str) -> PolicySyntaxError:
    return located(section.file, 1, f"spec.{field}", reason, _STEP)
