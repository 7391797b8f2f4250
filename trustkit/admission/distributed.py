"""What a trust root distributes becomes a policy."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from trustkit import limits
from trustkit.admission.policies import builtin_policy, read_policy
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.errors import MalformedError
from trustkit.policy.document import Policy
from trustkit.policy.trusted import DEFAULT_ROOT, SIGSTORE, PolicyIdentity, PolicyRoot
from trustkit.signing.trust_root.cache import Distributed
from trustkit.signing.trust_root.layout import IDENTITIES

_FIELDS = {"issuer", "subject", "root"}


def policy_of(found: Distributed, own_keys: Mapping[str, bytes], module: Path | None = None) -> Policy:
    """Return the distributed policies; without any, that a distributed key or identity, or one's own key, suffices.

    `module` is the library of this machine's tokens. Raises PolicySyntaxError, MalformedError, CryptoError.
    """
    if found.policies:
        return read_policy(found.policies, module=module)
    keys = {**found.keys, **own_keys}
    roots = tuple(PolicyRoot(SIGSTORE, name, content) for name, content in found.of_kind(SIGSTORE))
    return builtin_policy(keys, identities=tuple(_identities(found)), roots=roots)


def _identities(found: Distributed) -> Iterator[PolicyIdentity]:
    """Yield who may sign: `{"issuer", "subject", "root"}`, exact texts."""
    known = {name for name, _ in found.of_kind(SIGSTORE)}
    for name, content in found.of_kind(IDENTITIES):
        what = f"identity {name} of the trust root"
        value = as_object(parse(content, what=what, limit_bytes=limits.TRUST_FILE_BYTES), what)
        if not {"issuer", "subject"} <= set(value) <= _FIELDS:
            raise MalformedError(f"{what} must have issuer and subject, and may name a root")
        root = as_text(value.get("root", DEFAULT_ROOT), what)
        if root not in known:
            raise MalformedError(f"{what} is under {root[:60]!r}, which the trust root does not distribute")
        yield PolicyIdentity(name, root, as_text(value["subject"], what), issuer=as_text(value["issuer"], what))
