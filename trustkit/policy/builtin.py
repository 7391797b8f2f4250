"""The policy while none is configured: what one of the user's own keys signed may run, nothing else.

It says nothing about how an image runs. With no keys it denies every image.
"""

from collections.abc import Callable, Mapping

from trustkit.codec.canonical_json import canonical
from trustkit.model.digest import Digest
from trustkit.policy.document import ENFORCE, Match, Policy, PolicyKey, Rule, Section
from trustkit.policy.rules.attested import Attested
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers
from trustkit.policy.trusted import PolicyRoot, Signer

NAME = "built-in"


def builtin(  # noqa: PLR0913  (options of a command, each by its name)
    keys: Mapping[str, bytes],
    *,
    digest: Callable[[bytes], Digest],
    fingerprint: Callable[[bytes], str],
    name: str = NAME,
    annotations: tuple[tuple[str, str], ...] = (),
    attested: str = "",
    identities: tuple[Signer, ...] = (),
    roots: tuple[PolicyRoot, ...] = (),
    threshold: int = 1,
) -> Policy:
    """Return the policy that one of these PEM public keys, with these annotations, suffices for every image.

    So does one of these identities (or certificates, keyrings, ...) under these roots. With `attested`, a
    predicate type, their attestation of that type is asked for and not a signature. `threshold` different ones
    of them must have signed.
    Raises what `fingerprint` raises.
    """
    trusted = tuple(PolicyKey(key, keys[key], fingerprint(keys[key])) for key in sorted(keys))
    parties = (*trusted, *identities)
    signers = (Signers(threshold, parties),) if threshold > 1 else tuple(Signers(1, (one,)) for one in parties)
    rule: Rule = Attested(name, attested, signers) if attested else SignedBy(signers, annotations)
    content = {key.name: str(digest(key.pem)) for key in trusted}
    asked: dict[str, object] = {
        "builtin": name,
        "keys": content,
        "annotations": dict(annotations),
        "attested": attested,
    }
    if threshold > 1:
        asked["threshold"] = threshold
    if identities or roots:
        asked["identities"] = [repr(one) for one in identities]
        asked["roots"] = [[root.kind, root.name, str(digest(root.content))] for root in roots]
    identity = digest(canonical(asked))
    section = Section(name, Match(), ENFORCE, "deny", (rule,), trusted, identity, roots=roots)
    return Policy(name, identity, (section,))
