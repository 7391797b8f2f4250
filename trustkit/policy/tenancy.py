"""Documents of one namespace: they hold there besides the cluster's, and can only tighten.

What the cluster's documents decide is decided without them; a document of a namespace adds findings of its own.
"""

from collections.abc import Callable

from trustkit.codec.canonical_json import canonical
from trustkit.errors import PolicySyntaxError
from trustkit.model.digest import Digest
from trustkit.policy.document import AS_CONFIGURED, Section
from trustkit.policy.nodes import located
from trustkit.policy.pattern import Pattern
from trustkit.policy.trusted import TUF


def of_namespace(section: Section, namespace: str, digest: Callable[[bytes], Digest]) -> Section:
    """Return the document as one of this namespace alone. Raises PolicySyntaxError for what reaches beyond it."""
    here = Pattern.compile(namespace)
    if section.match.namespaces not in ((), (here,)):
        raise _refused(section, "match.namespaces", f"a document of {namespace} speaks about {namespace} only")
    if section.on_no_match != "deny":
        raise _refused(section, "enforcement.onNoMatch", "what no document names is the cluster's to allow")
    if section.means != AS_CONFIGURED:
        raise _refused(section, "cache, registry, enforcement or discovery", "how images are found is the cluster's")
    for key in section.keys:
        if key.revoked is not None:
            raise _refused(section, f"trust.keys.{key.name}.revoked", "a key is lost for every namespace or for none")
    if any(root.kind == TUF for root in section.roots):
        raise _refused(section, "trust.contentTrust", "a repository's root is believed in every namespace")
    return section._replace(
        # no document of the cluster can have a name with a slash
        name=f"{namespace}/{section.name}",
        namespace=namespace,
        match=section.match._replace(namespaces=(here,)),
        digest=digest(canonical([namespace, str(section.digest)])),
    )


def _refused(section: Section, field: str, reason: str) -> PolicySyntaxError:
    return located(section.file, 1, f"spec.{field}", reason, "put it into the cluster's policy, or remove it")
