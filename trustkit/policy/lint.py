"""What a policy says and its author probably did not mean. Loading refuses what is wrong; this is about the rest."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from trustkit.policy.document import ENFORCE, Policy, Section
from trustkit.policy.lint_finding import ERROR as ERROR  # noqa: PLC0414  (its public home)
from trustkit.policy.lint_finding import WARNING
from trustkit.policy.lint_finding import Lint as Lint  # noqa: PLC0414
from trustkit.policy.lint_reach import unreached
from trustkit.policy.rules.attested import Attested
from trustkit.policy.rules.covering import bare
from trustkit.policy.rules.registry import FromRegistry
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers
from trustkit.policy.trusted import PolicyIdentity, PolicyKey, Signer

# An exemption or a key that ends this soon is worth a word.
_SOON = timedelta(days=14)


def lint(policy: Policy, now: datetime) -> tuple[Lint, ...]:
    """Return every finding, section by section."""
    return tuple(finding for section in policy.sections for finding in _section(section, now))


def _section(section: Section, now: datetime) -> Iterator[Lint]:
    for check in (_demands, _scope, _registries, _exemptions, _break_glass, _rollout, _expressions):
        yield from check(section, now)
    yield from _signers(section, now)
    yield from _unused(section)
    yield from unreached(section)


def _demands(section: Section, _now: datetime) -> Iterator[Lint]:
    if section.mode == ENFORCE and not section.namespace and not any(rule.demands_evidence for rule in section.rules):
        yield Lint(WARNING, "demands-nothing", section.name, "spec.verify",
                   "asks for no signature or attestation: it can only tighten others")  # fmt: skip
    if section.fail_open:
        yield Lint(WARNING, "fail-open", section.name, "spec.enforcement.onError",
                   "images that could not be looked at run, where Kubernetes asks")  # fmt: skip
    if section.on_no_match != "deny":
        yield Lint(WARNING, "open-default", section.name, "spec.enforcement.onNoMatch",
                   f"{section.on_no_match}: images that no policy names may run")  # fmt: skip


def _scope(section: Section, _now: datetime) -> Iterator[Lint]:
    for pattern in section.match.images:
        text = pattern.text
        where = "spec.match.images"
        if "*" in text.partition("/")[0] and text != "**" and not text.startswith("oci"):
            yield Lint(WARNING, "open-host", section.name, where, f"{text}: a star in the host covers other hosts too")
        last = text.rpartition("/")[2].rstrip("*")
        if text.endswith("*") and last and last[-1].isalnum():
            yield Lint(WARNING, "open-end", section.name, where, f"{text}: the star crosses the end of a name")


def _registries(section: Section, _now: datetime) -> Iterator[Lint]:
    hosts = {pattern.text.partition("/")[0] for pattern in section.match.images}
    for rule in section.rules:
        if not isinstance(rule, FromRegistry) or not hosts or any("*" in host or ":" in host for host in hosts):
            continue
        allowed = {pattern.text.partition("/")[0] for pattern in rule.patterns}
        if not any("*" in host for host in allowed) and not hosts & allowed:
            yield Lint(ERROR, "never-allows", section.name, rule.id,
                       f"matches images of {', '.join(sorted(hosts))} only, and allows none of them")  # fmt: skip


def _exemptions(section: Section, now: datetime) -> Iterator[Lint]:
    for one in section.exemptions:
        where = f"spec.exceptions.exemptions {one.id}"
        problem = one.problem(now)
        if problem:
            yield Lint(WARNING, "dead-exemption", section.name, where, f"{problem}; remove it")
        elif one.expires - now < _SOON:
            yield Lint(WARNING, "ending-exemption", section.name, where, f"ends at {one.expires.isoformat()}")
        if any(rule.startswith("verify.") for rule in one.skip) and not all(image.digest for image in one.images):
            yield Lint(WARNING, "open-exemption", section.name, where,
                       "lets unverified images of a name run; name their digests")  # fmt: skip


def _break_glass(section: Section, _now: datetime) -> Iterator[Lint]:
    terms = section.break_glass
    if terms is None:
        return
    where = "spec.exceptions.breakGlass"
    open_rules = [rule for rule in terms.skip if rule.startswith("verify.signatures")]
    if open_rules and not any(rule.startswith("verify.signatures") for rule in terms.never_skip):
        yield Lint(WARNING, "open-break-glass", section.name, f"{where}.skip",
                   "a grant lets images run that nobody signed; name verify.signatures in neverSkip")  # fmt: skip
    if terms.review_within is None:
        yield Lint(WARNING, "no-review", section.name, f"{where}.audit",
                   "nobody has to look at what was broken; say reviewWithin")  # fmt: skip


def _rollout(section: Section, now: datetime) -> Iterator[Lint]:
    if section.warn_until is not None and section.warn_until <= now:
        yield Lint(WARNING, "ended-rollout", section.name, "spec.enforcement.rollout",
                   f"ended at {section.warn_until.isoformat()}; remove it")  # fmt: skip


def _expressions(section: Section, _now: datetime) -> Iterator[Lint]:
    if not any(rule.id.startswith("require.expressions.") for rule in section.rules):
        return
    from trustkit.policy.expressions.reader import read
    from trustkit.policy.expressions.suspicious import empty_all, open_matches
    from trustkit.policy.rules.expression import Expression

    for rule in map(bare, section.rules):
        if not isinstance(rule, Expression):
            continue
        node = read(rule.condition.text)
        for text in empty_all(node):
            yield Lint(ERROR, "empty-all", section.name, rule.id,
                       f"all() at column {text} is true of an empty list; ask for its size() > 0 too")  # fmt: skip
        for pattern in open_matches(node):
            yield Lint(WARNING, "open-pattern", section.name, rule.id,
                       f"matches({pattern!r}) is found anywhere in the text; write ^...$")  # fmt: skip


def _signers(section: Section, now: datetime) -> Iterator[Lint]:
    for rule in map(bare, section.rules):
        if not isinstance(rule, SignedBy | Attested):
            continue
        if all(_ended(option, now) for option in rule.options):
            yield Lint(ERROR, "never-allows", section.name, rule.id, "the time of every key it names is over")
        for signer in {one.name: one for option in rule.options for one in option.of}.values():
            yield from _signer(section, signer, now)


def _signer(section: Section, signer: Signer, now: datetime) -> Iterator[Lint]:
    if isinstance(signer, PolicyKey) and signer.not_after and signer.not_after - now < _SOON:
        yield Lint(WARNING, "ending-key", section.name, f"spec.trust.keys.{signer.name}",
                   f"counts until {signer.not_after.isoformat()}")  # fmt: skip
    if not isinstance(signer, PolicyIdentity):
        return
    where = f"spec.trust.identities.{signer.name}"
    for word, regex in (("issuerRegex", signer.issuer_regex), ("subjectRegex", signer.subject_regex)):
        if regex is None:
            continue
        if regex.text.strip("^$") in (".*", ".+"):
            yield Lint(ERROR, "anybody", section.name, f"{where}.{word}", f"{regex.text} fits everybody")
        elif _open_dot(regex.text):
            yield Lint(WARNING, "open-dot", section.name, f"{where}.{word}",
                       f"{regex.text}: a dot stands for any character; write \\. for a dot")  # fmt: skip


def _unused(section: Section) -> Iterator[Lint]:
    used = {one.name for rule in map(bare, section.rules) for option in _options(rule) for one in option.of}
    if section.break_glass is not None:
        used |= {one.name for one in (*section.break_glass.approvers.of, *section.break_glass.requesters)}
    for key in section.keys:
        if key.name not in used:
            yield Lint(WARNING, "unused-key", section.name, f"spec.trust.keys.{key.name}", "no rule names it")


def _options(rule: object) -> tuple[Signers, ...]:
    """Return whom a rule names, also through the attestations it looks into."""
    found: tuple[Signers, ...] = getattr(rule, "options", ())
    inside = [getattr(rule, "source", None), getattr(getattr(rule, "unless", None), "source", None)]
    for source in (*inside, *getattr(rule, "sources", ())):
        found += getattr(source, "options", ())
    return found


def _ended(option: Signers, now: datetime) -> bool:
    alive = [one for one in option.of if not (isinstance(one, PolicyKey) and one.not_after and one.not_after < now)]
    return len(alive) < option.needed


def _open_dot(text: str) -> bool:
    """Whether a dot between letters is not escaped: `github.com` also fits `githubXcom`."""
    return any(
        letter == "." and text[at - 1 : at].isalnum() and text[at + 1 : at + 2].isalnum()
        for at, letter in enumerate(text)
    )
