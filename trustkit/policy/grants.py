"""Break-glass: signed grants that let named rules fail for one image digest, for hours, under a section's terms.

A grant counts as its requester and enough approvers signed it, each in a verified statement with the very same
bytes. The requester is told apart from the approvers by key or identity, never by a name of the policy's, so nobody
approves himself under a second name. Like an exemption, one grant has to cover everything its section denies.
"""

from collections.abc import Iterable
from datetime import timedelta

from trustkit.codec.grant import PREDICATE_TYPE, ClaimedGrant, parse_grant
from trustkit.errors import TrustkitError
from trustkit.model.facts import Facts
from trustkit.model.grant import GrantUse
from trustkit.model.signature import ATTESTATION, VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.policy.signers import Signers, about_image, count, reads_labels
from trustkit.policy.trusted import Signer, told_apart

# A grant that holds for longer is an exemption.
LONGEST = timedelta(days=7)


class BreakGlass(NamedTuple):
    """Under which terms a section lets its rules be broken: `skip` bounds it, `never_skip` wins over everything."""

    approvers: Signers
    requesters: tuple[Signer, ...]
    max_duration: timedelta
    skip: tuple[str, ...]
    never_skip: tuple[str, ...] = ()
    alert: bool = True
    review_within: timedelta | None = None

    @property
    def reads_labels(self) -> bool:
        """Whether a signer is compared with the labels of the image's configuration."""
        return reads_labels((self.approvers, Signers(1, self.requesters)))


class VerifiedGrant(NamedTuple):
    """A grant, and the verified statements that carry it: about this image, each by a signer that is proven."""

    says: ClaimedGrant
    signed: tuple[VerifiedSignature, ...]


class Granted(NamedTuple):
    """The use of the grant that applies, or a note why those about the image do not."""

    use: GrantUse | None = None
    note: str = ""


def verified_grants(facts: Facts) -> tuple[VerifiedGrant, ...]:
    """Return the grants about the image; statements with other bytes never stand in for each other."""
    found: dict[bytes, list[VerifiedSignature]] = {}
    for item in about_image(facts, ATTESTATION):
        if item.statement is not None and item.statement.predicate_type == PREDICATE_TYPE:
            found.setdefault(item.statement.predicate, []).append(item)
    grants = []
    for content, items in found.items():
        try:
            grants.append(VerifiedGrant(parse_grant(content), tuple(items)))
        except TrustkitError:
            # signed all the same, but it says nothing that could be held to
            continue
    return tuple(grants)


def grant_for(terms: BreakGlass, denied: Iterable[str], facts: Facts) -> Granted:
    """Return the use of the first grant that covers every denied rule under these terms."""
    rules, note = tuple(denied), ""
    for grant in verified_grants(facts):
        problem = grant_problem(grant, terms, facts) or uncovered(grant.says, terms, rules)
        if not problem:
            return Granted(_use(grant, terms, rules, facts))
        note = note or f"break-glass grant {grant.says.id} {problem}"
    return Granted(None, note)


def grant_problem(grant: VerifiedGrant, terms: BreakGlass, facts: Facts) -> str:
    """Return why the grant does not hold here and now, or nothing."""
    says, now = grant.says, facts.now
    if says.namespace != facts.request.namespace:
        return f"is for {_place(says.namespace)}, not {_place(facts.request.namespace)}"
    if says.not_after - says.not_before > terms.max_duration:
        return f"holds longer than the {terms.max_duration} that the policy allows"
    if now < says.not_before:
        return f"holds from {says.not_before.isoformat()} only"
    if now >= says.not_after:
        return f"ended at {says.not_after.isoformat()}"
    return _unsigned(grant, terms, facts)


def covers(names: Iterable[str], rule: str) -> bool:
    """Whether one of the names is the rule, or the beginning of it up to a dot."""
    return any(rule == name or rule.startswith(f"{name}.") for name in names)


def uncovered(says: ClaimedGrant, terms: BreakGlass, denied: tuple[str, ...]) -> str:
    """Return the first denied rule that the grant cannot break, and why; nothing if it breaks all."""
    for rule in denied:
        if covers(terms.never_skip, rule):
            return f"cannot break {rule}: the policy never lets it be broken"
        if not covers(terms.skip, rule):
            return f"cannot break {rule}: the policy lets no grant do so"
        if not covers(says.rules, rule):
            return f"does not name {rule}"
    return ""


def _unsigned(grant: VerifiedGrant, terms: BreakGlass, facts: Facts) -> str:
    theirs, others = _parted(grant)
    requested = count((Signers(1, terms.requesters),), theirs, facts)
    if not requested.satisfied:
        why = "; ".join(requested.unusable[:1]) or f"the policy knows {grant.says.requester} as no requester"
        return f"is not signed by its requester: {why}" if not theirs else f"was not for its requester to ask: {why}"
    approved = count((terms.approvers,), others, facts)
    if approved.satisfied:
        return ""
    if count((terms.approvers._replace(needed=1),), theirs, facts).satisfied and not approved.signed:
        return f"is approved by nobody but its requester, {requested.signed[0]}"
    found = f"only {', '.join(approved.signed)}" if approved.signed else "nobody"
    unusable = "".join(f"; {one}" for one in approved.unusable[:1])
    return f"needs the approval of {terms.approvers}; found {found}{unusable}"


def _parted(grant: VerifiedGrant) -> tuple[tuple[VerifiedSignature, ...], tuple[VerifiedSignature, ...]]:
    """Return what the requester signed, and what others did."""
    who = grant.says.requester.told_apart
    theirs = tuple(item for item in grant.signed if told_apart(item) == who)
    return theirs, tuple(item for item in grant.signed if told_apart(item) != who)


def _use(grant: VerifiedGrant, terms: BreakGlass, denied: tuple[str, ...], facts: Facts) -> GrantUse:
    theirs, others = _parted(grant)
    who = count((Signers(1, terms.requesters),), theirs, facts).signed[0]
    return GrantUse(
        id=grant.says.id,
        rules=denied,
        requester=f"{who} ({grant.says.requester})",
        approvers=count((terms.approvers,), others, facts).signed,
        reason=grant.says.reason,
        until=grant.says.not_after,
        alert=terms.alert,
        review_within=terms.review_within,
    )


def _place(namespace: str) -> str:
    return f"namespace {namespace}" if namespace else "no namespace"
