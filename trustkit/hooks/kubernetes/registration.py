"""How a cluster asks the webhook, as its configurations say: where it would not be asked, or could not come back.

Both kinds of admissionregistration.k8s.io/v1, and Services beside them; only names and words of those APIs are read.
"""

from collections.abc import Iterator, Mapping, Sequence

from trustkit.hooks.kubernetes.pods import KINDS
from trustkit.model.values import NamedTuple

# Whether something may pass or be stuck, or is only worth a look.
OPEN, LOOK = "open", "look"
_NAME_LABEL = "kubernetes.io/metadata.name"
# Where clusters keep what every other pod needs first: DNS, network, storage.
_SYSTEM = "kube-system"
_KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_PATHS = {"/mutate": "mutating", "/validate": "validating"}
_OPERATIONS = ("CREATE", "UPDATE")
_LEAST_SECONDS = 2
_DEFAULT_SECONDS = 10
Members = Mapping[str, object]


class Gap(NamedTuple):
    """Something about one webhook: OPEN or LOOK, what is the matter, and what to do."""

    state: str
    said: str
    next_step: str


def gaps(documents: Sequence[object]) -> tuple[Gap, ...]:
    """Return what is the matter with the webhooks of ours among these documents or lists of documents."""
    every = tuple(_flat(documents))
    ours = tuple(_ours(every))
    missing = [
        Gap(OPEN, f"no {kind} webhook of trustkit's is registered", f"apply the {kind} configuration")
        for kind in _PATHS.values()
        if kind not in {found for found, _ in ours}
    ]
    return (*missing, *(gap for kind, webhook in ours for gap in _of(kind, webhook)), *_headless(every, ours))


def _flat(documents: Sequence[object]) -> Iterator[Members]:
    for document in documents:
        members = _members(document)
        yield members
        yield from _flat(_list(members.get("items")))


def _ours(documents: Sequence[Members]) -> Iterator[tuple[str, Members]]:
    for members in documents:
        if members.get("kind") in _KINDS:
            for webhook in map(_members, _list(members.get("webhooks"))):
                path = _service(webhook).get("path")
                if isinstance(path, str) and path in _PATHS:
                    yield _PATHS[path], webhook


def _headless(documents: Sequence[Members], ours: Sequence[tuple[str, Members]]) -> Iterator[Gap]:
    """Yield Services of ours without an address, which kube-apiserver cannot route to."""
    for service in (one for one in documents if one.get("kind") == "Service"):
        about, spec = _members(service.get("metadata")), _members(service.get("spec"))
        if spec.get("clusterIP") == "None" or "None" in _list(spec.get("clusterIPs")):
            # a manifest may leave its namespace to kubectl
            named = [found for found in (_service(one) for _, one in ours) if found.get("name") == about.get("name")]
            if any(about.get("namespace", found.get("namespace")) == found.get("namespace") for found in named):
                said = "is headless: the API server cannot reach the webhook, and everything is refused"
                yield Gap(OPEN, f"Service {str(about.get('name'))[:80]} {said}", "make it anew without clusterIP: None")


def _of(kind: str, webhook: Members) -> Iterator[Gap]:
    name = f"{kind} webhook {str(webhook.get('name'))[:80]}"
    for look in (_closed, _asked, _chosen, _namespaces, _comes_back, _in_time):
        yield from (gap._replace(said=f"{name}: {gap.said}") for gap in look(webhook))


def _closed(webhook: Members) -> Iterator[Gap]:
    policy = webhook.get("failurePolicy", "Fail")
    if policy != "Fail":
        yield Gap(OPEN, f"failurePolicy is {policy}: without an answer everything passes", "set failurePolicy: Fail")
    if _members(webhook.get("clientConfig")).get("caBundle") in (None, "", "Cg=="):
        yield Gap(OPEN, "no caBundle: the API server trusts nobody to answer", "put in the authority, base64")


def _asked(webhook: Members) -> Iterator[Gap]:
    rules = [_members(rule) for rule in _list(webhook.get("rules"))]
    wanted = [(kind.group, f"{kind.kind.lower()}s") for kind in KINDS] + [("", "pods/ephemeralcontainers")]
    for operation in _OPERATIONS:
        left = [name for group, name in wanted if not any(_covers(rule, operation, group, name) for rule in rules)]
        if left:
            yield Gap(OPEN, f"is not asked at {operation} of {', '.join(left)}", "add them to its rules")
    if webhook.get("matchPolicy", "Equivalent") != "Equivalent":
        yield Gap(OPEN, "matchPolicy is Exact: other versions of a kind pass", "set matchPolicy: Equivalent")


def _covers(rule: Members, operation: str, group: str, resource: str) -> bool:
    def has(member: str, *words: str) -> bool:
        return bool({"*", *words} & set(map(str, _list(rule.get(member)))))

    parent, _, part = resource.partition("/")
    resources = (resource, f"{parent}/*", f"*/{part}", "*/*") if part else (resource, "*/*")
    named = set(map(str, _list(rule.get("resources"))))
    # "*" is every resource and no subresource
    wide = bool(named & set(resources)) or (not part and "*" in named)
    scoped = rule.get("scope", "*") in ("*", "Namespaced")
    return wide and scoped and has("operations", operation) and has("apiGroups", group) and has("apiVersions", "v1")


def _chosen(webhook: Members) -> Iterator[Gap]:
    if _members(webhook.get("objectSelector")):
        yield Gap(OPEN, "objectSelector: whoever makes an object chooses its labels", "remove the objectSelector")
    if _list(webhook.get("matchConditions")):
        yield Gap(LOOK, "matchConditions: what they leave out is not asked about", "see that they leave nothing out")


def _namespaces(webhook: Members) -> Iterator[Gap]:
    selector = _members(webhook.get("namespaceSelector"))
    rows = [_members(one) for one in _list(selector.get("matchExpressions"))]
    labels = {str(row.get("key")) for row in rows} | set(_members(selector.get("matchLabels")))
    if others := sorted(labels - {_NAME_LABEL}):
        yield Gap(
            LOOK, f"namespaceSelector by {others[0]}: whoever may label a namespace opens it",
            f"select by {_NAME_LABEL}, or protect the label",
        )  # fmt: skip
    if _NAME_LABEL in _members(selector.get("matchLabels")) or any(row.get("operator") == "In" for row in rows):
        yield Gap(LOOK, "is asked about the named namespaces only", f"exclude by NotIn of {_NAME_LABEL} instead")


def _comes_back(webhook: Members) -> Iterator[Gap]:
    """Yield what nobody is asked about, and what could not start while the webhook is down."""
    selector = _members(webhook.get("namespaceSelector"))
    by_name = [row for row in map(_members, _list(selector.get("matchExpressions"))) if row.get("key") == _NAME_LABEL]
    excluded = {str(name) for row in by_name if row.get("operator") == "NotIn" for name in _list(row.get("values"))}
    own = str(_service(webhook).get("namespace"))
    if own not in excluded:
        yield Gap(OPEN, f"its own namespace {own} is not excluded: once down, it never starts", f"exclude {own}")
    if more := sorted(excluded - {own}):
        yield Gap(LOOK, f"pods in {', '.join(more)} are not asked about", "see that nobody else may make pods there")
    named = [set(map(str, _list(row.get("values")))) for row in by_name if row.get("operator") == "In"]
    if label := _members(selector.get("matchLabels")).get(_NAME_LABEL):
        named.append({str(label)})
    if _SYSTEM not in excluded and all(_SYSTEM in names for names in named):
        yield Gap(
            LOOK, f"is asked about {_SYSTEM}: while it is down, pods of DNS, network and storage cannot come back",
            f"exclude {_SYSTEM}, or keep the way out at hand (docs/hooks.md)",
        )  # fmt: skip


def _in_time(webhook: Members) -> Iterator[Gap]:
    seconds = webhook.get("timeoutSeconds", _DEFAULT_SECONDS)
    if not isinstance(seconds, int) or seconds < _LEAST_SECONDS:
        yield Gap(LOOK, f"timeoutSeconds {seconds} leaves no time for a fetch", "set timeoutSeconds: 15")
    if webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        yield Gap(LOOK, "sideEffects: dry runs are refused by the API server", "set sideEffects: NoneOnDryRun")


def _service(webhook: Members) -> Members:
    return _members(_members(webhook.get("clientConfig")).get("service"))


def _members(value: object) -> Members:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
