"""How a cluster asks the webhook: what the shipped manifests say is well, and each weakening of it is found."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from trustkit.hooks.kubernetes.registration import LOOK, OPEN, Gap, gaps

FILE = Path(__file__).resolve().parents[4] / "deploy" / "kubernetes" / "trustkit-webhook.yaml"
Json = dict[str, Any]


def shipped() -> list[Json]:
    """The manifests with a caBundle, as one applies them."""
    found = [copy.deepcopy(one) for one in yaml.safe_load_all(FILE.read_text(encoding="utf-8"))]
    for document in found:
        for webhook in document.get("webhooks", []):
            webhook["clientConfig"]["caBundle"] = "Q0VSVA=="
    return found


def changed(change: Callable[[Json], object]) -> tuple[Gap, ...]:
    """What is said after a change of one webhook, and is not said of the shipped manifests."""
    documents = shipped()
    for document in documents:
        if document["kind"] == "ValidatingWebhookConfiguration":
            change(document["webhooks"][0])
    return news(documents)


def news(documents: list[Json]) -> tuple[Gap, ...]:
    told = gaps(shipped())
    return tuple(gap for gap in gaps(documents) if gap not in told)


def row(operator: str, *names: str, key: str = "kubernetes.io/metadata.name") -> Json:
    return {"key": key, "operator": operator, "values": list(names)}


def test_of_the_shipped_manifests_only_what_is_not_asked_about_is_said() -> None:
    found = gaps(shipped())
    assert [(gap.state, "pods in kube-system are not asked about" in gap.said) for gap in found] == [(LOOK, True)] * 2


def test_so_it_is_as_kubectl_prints_them() -> None:
    assert gaps([{"kind": "List", "apiVersion": "v1", "items": shipped()}]) == gaps(shipped())


def test_as_shipped_nobody_is_trusted_yet() -> None:
    found = news(list(yaml.safe_load_all(FILE.read_text(encoding="utf-8"))))
    assert [(gap.state, "caBundle" in gap.said) for gap in found] == [(OPEN, True)] * 2


WEAKENED: dict[str, tuple[Callable[[Json], object], str, str]] = {
    "ignored failures": (lambda one: one.update(failurePolicy="Ignore"), OPEN, "everything passes"),
    "no authority": (lambda one: one["clientConfig"].pop("caBundle"), OPEN, "caBundle"),
    "no ephemeral containers": (
        lambda one: one["rules"][0]["resources"].remove("pods/ephemeralcontainers"),
        OPEN,
        "is not asked at CREATE of pods/ephemeralcontainers",
    ),
    "no updates": (lambda one: one["rules"][0].update(operations=["CREATE"]), OPEN, "is not asked at UPDATE of pods"),
    "no jobs": (lambda one: one["rules"].pop(2), OPEN, "jobs, cronjobs"),
    "another version": (lambda one: one["rules"][1].update(apiVersions=["v1beta1"]), OPEN, "deployments"),
    "cluster's objects": (lambda one: one["rules"][0].update(scope="Cluster"), OPEN, "pods"),
    "every resource, no subresource": (
        lambda one: one.update(
            rules=[{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]
        ),
        OPEN,
        "pods/ephemeralcontainers",
    ),
    "exact versions": (lambda one: one.update(matchPolicy="Exact"), OPEN, "Exact"),
    "labels of objects": (
        lambda one: one.update(objectSelector={"matchLabels": {"verify": "yes"}}),
        OPEN,
        "objectSelector",
    ),
    "conditions": (lambda one: one.update(matchConditions=[{"name": "x", "expression": "true"}]), LOOK, "Conditions"),
    "labels of namespaces": (
        lambda one: one["namespaceSelector"].update(matchLabels={"trustkit": "on"}),
        LOOK,
        "whoever may label",
    ),
    "named namespaces": (
        lambda one: one["namespaceSelector"]["matchExpressions"].append(
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["prod"]}
        ),
        LOOK,
        "named namespaces only",
    ),
    "its own namespace": (
        lambda one: one["namespaceSelector"]["matchExpressions"][0]["values"].remove("trustkit-system"),
        OPEN,
        "never starts",
    ),
    "one more namespace": (
        lambda one: one["namespaceSelector"]["matchExpressions"][0]["values"].append("shop"),
        LOOK,
        "pods in kube-system, shop are not",
    ),
    "the cluster's namespace": (
        lambda one: one["namespaceSelector"]["matchExpressions"][0]["values"].remove("kube-system"),
        LOOK,
        "pods of DNS, network and storage cannot come back",
    ),
    "no time": (lambda one: one.update(timeoutSeconds=1), LOOK, "no time"),
    "side effects": (lambda one: one.pop("sideEffects"), LOOK, "dry runs"),
}


@pytest.mark.parametrize("name", WEAKENED)
def test_each_weakening_is_found_alone(name: str) -> None:
    change, state, said = WEAKENED[name]
    found = changed(change)
    assert {gap.state for gap in found} == {state}, found
    assert any(said in gap.said for gap in found), found


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_a_webhook_that_is_not_registered_is_missed(kind: str) -> None:
    (gap,) = news([one for one in shipped() if one["kind"] != f"{kind}WebhookConfiguration"])
    assert (gap.state, f"no {kind.lower()} webhook" in gap.said) == (OPEN, True)


def test_rules_for_everything_are_well() -> None:
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    assert changed(lambda one: one.update(rules=[rule])) == ()


@pytest.mark.parametrize(
    ("selector", "asked"),
    [
        ({}, True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "shop"}}, False),
        ({"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, True),
        ({"matchExpressions": [row("In", "shop")]}, False),
        ({"matchExpressions": [row("In", "shop", "kube-system")]}, True),
        ({"matchExpressions": [row("In", "kube-system"), row("In", "shop")]}, False),
        ({"matchExpressions": [row("In", "kube-system"), row("NotIn", "kube-system")]}, False),
        ({"matchExpressions": [row("NotIn", "kube-system", key="team")]}, True),
        ({"matchExpressions": [row("Exists")]}, True),
        ({"matchExpressions": 1, "matchLabels": []}, True),
    ],
    ids=str,
)
def test_whether_the_clusters_own_pods_can_come_back_is_told(selector: Json, asked: bool) -> None:
    found = changed(lambda one: one.update(namespaceSelector=selector))
    assert any("cannot come back" in gap.said for gap in found) is asked


@pytest.mark.parametrize("document", [None, 1, "x", [], {"kind": "ValidatingWebhookConfiguration", "webhooks": 3}])
def test_other_documents_are_no_registration(document: object) -> None:
    assert [gap.state for gap in gaps([document])] == [OPEN, OPEN]


def service(change: Callable[[Json], object]) -> list[Json]:
    documents = shipped()
    change(next(one for one in documents if one["kind"] == "Service"))
    return documents


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"clusterIPs": ["None"]}])
def test_a_service_that_the_api_server_cannot_reach_is_found(spec: Json) -> None:
    documents = service(lambda one: one["spec"].update(spec))
    for given in (documents, [{"kind": "List", "items": documents}]):
        (gap,) = news(given)
        assert (gap.state, "Service trustkit-webhook is headless" in gap.said) == (OPEN, True)


def test_so_is_one_that_leaves_its_namespace_to_kubectl() -> None:
    def change(one: Json) -> None:
        one["spec"]["clusterIP"] = "None"
        del one["metadata"]["namespace"]

    assert [gap.state for gap in news(service(change))] == [OPEN]


@pytest.mark.parametrize("member", ["name", "namespace"])
def test_other_services_may_be_headless(member: str) -> None:
    def change(one: Json) -> None:
        one["spec"]["clusterIP"] = "None"
        one["metadata"][member] = "another"

    assert news(service(change)) == ()


@pytest.mark.parametrize("other", [{}, {"spec": 1, "metadata": []}, {"spec": {"clusterIP": 3, "clusterIPs": "None"}}])
def test_odd_services_are_no_matter(other: Json) -> None:
    assert news([*shipped(), {"kind": "Service", **other}]) == ()
