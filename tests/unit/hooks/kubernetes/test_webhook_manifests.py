"""The manifests ask for every kind the webhook understands, close when it is away, and cannot lock themselves out."""

from pathlib import Path

import pytest
import yaml

from trustkit.hooks.kubernetes.pods import KINDS

FILE = Path(__file__).resolve().parents[4] / "deploy" / "kubernetes" / "trustkit-webhook.yaml"
DOCUMENTS = {document["kind"]: document for document in yaml.safe_load_all(FILE.read_text())}
WEBHOOKS = [DOCUMENTS[f"{kind}WebhookConfiguration"]["webhooks"][0] for kind in ("Mutating", "Validating")]
POD = DOCUMENTS["StatefulSet"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("webhook", WEBHOOKS, ids=lambda found: found["name"])
def test_every_kind_that_is_understood_is_asked_about(webhook):
    asked = {(rule["apiGroups"][0], resource) for rule in webhook["rules"] for resource in rule["resources"]}
    assert asked == {(kind.group, f"{kind.kind.lower()}s") for kind in KINDS} | {("", "pods/ephemeralcontainers")}


@pytest.mark.parametrize("webhook", WEBHOOKS, ids=lambda found: found["name"])
def test_nothing_is_stored_while_nobody_decides(webhook):
    assert webhook["failurePolicy"] == "Fail"


@pytest.mark.parametrize("webhook", WEBHOOKS, ids=lambda found: found["name"])
def test_the_webhooks_own_namespace_is_left_out_by_its_name(webhook):
    own = DOCUMENTS["Namespace"]["metadata"]["name"]
    # and the cluster's own, so that its DNS, network and storage can start while the webhook is down
    expected = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [own, "kube-system"]}
    assert webhook["namespaceSelector"] == {"matchExpressions": [expected]}


@pytest.mark.parametrize("webhook", WEBHOOKS, ids=lambda found: found["name"])
def test_the_service_that_is_asked_has_an_address_of_its_own(webhook):
    service = DOCUMENTS["Service"]
    asked = webhook["clientConfig"]["service"]
    assert (service["metadata"]["namespace"], service["metadata"]["name"]) == (asked["namespace"], asked["name"])
    assert asked["port"] in [port["port"] for port in service["spec"]["ports"]]
    # kube-apiserver routes by the address, and fails for "None"
    assert not {"clusterIP", "clusterIPs", "type"} & set(service["spec"])


def test_two_replicas_of_which_one_always_stays():
    assert DOCUMENTS["StatefulSet"]["spec"]["replicas"] == 2
    assert DOCUMENTS["PodDisruptionBudget"]["spec"]["minAvailable"] == 1


def test_the_webhook_may_read_a_namespace_by_its_name_and_nothing_else():
    assert not {"Role", "RoleBinding"} & set(DOCUMENTS)
    assert DOCUMENTS["ClusterRole"]["rules"] == [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]
    (subject,) = DOCUMENTS["ClusterRoleBinding"]["subjects"]
    assert (subject["kind"], subject["name"]) == ("ServiceAccount", POD["serviceAccountName"])


def test_the_webhook_keeps_to_the_restricted_profile():
    container = POD["containers"][0]["securityContext"]
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert (container["allowPrivilegeEscalation"], container["readOnlyRootFilesystem"]) == (False, True)
    assert POD["securityContext"]["runAsNonRoot"] is True


def test_its_own_image_is_named_by_digest():
    assert "@sha256:" in POD["containers"][0]["image"]
