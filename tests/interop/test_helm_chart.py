"""The chart, rendered by the real helm: the plain manifests with values, closed to values that would weaken them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from peers.tools import Ran, peer, run

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "trustkit-webhook"
PLAIN = ROOT / "deploy" / "kubernetes" / "trustkit-webhook.yaml"
IMAGE = "registry.example/trustkit@sha256:" + "0" * 64
GIVEN = ("--set", f"image={IMAGE}", "--set", "caBundle=Cg==")
Documents = dict[str, dict]
Template = Callable[..., Ran]


@pytest.fixture(name="template")
def template_(tmp_path: Path) -> Template:
    def call(*words: str, namespace: str = "trustkit-system") -> Ran:
        command = [peer("helm"), "template", "trustkit", str(CHART), "--namespace", namespace, *words]
        return run(command, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})

    return call


def documents(text: str) -> Documents:
    return {one["kind"]: one for one in yaml.safe_load_all(text) if one}


def test_the_chart_says_what_the_plain_manifests_say(template: Template) -> None:
    plain = documents(PLAIN.read_text(encoding="utf-8"))
    # helm makes the namespace itself
    del plain["Namespace"]
    assert documents(template(*GIVEN).stdout) == plain


def selectors(found: Documents) -> list[list[dict]]:
    """What each of the two webhooks leaves out."""
    webhooks = [found[f"{kind}WebhookConfiguration"]["webhooks"][0] for kind in ("Mutating", "Validating")]
    return [webhook["namespaceSelector"]["matchExpressions"] for webhook in webhooks]


def leaves_out(*names: str) -> list[list[dict]]:
    return [[{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(names)}]] * 2


def test_the_webhooks_leave_out_the_namespace_they_are_installed_in(template: Template) -> None:
    found = documents(template(*GIVEN, namespace="elsewhere").stdout)
    assert selectors(found) == leaves_out("elsewhere", "kube-system")
    for kind in ("Mutating", "Validating"):
        (webhook,) = found[f"{kind}WebhookConfiguration"]["webhooks"]
        assert webhook["clientConfig"]["service"]["namespace"] == "elsewhere"


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ('["kube-system", "calico-system"]', ["kube-system", "calico-system"]),
        ('["trustkit-system", "kube-system"]', ["kube-system"]),
        ('["on", "007"]', ["on", "007"]),
        ("[]", []),
        ("null", []),
    ],
)
def test_which_other_namespaces_are_left_out_is_said_for_both(template: Template, given: str, more: list[str]) -> None:
    found = documents(template(*GIVEN, "--set-json", f"excludedNamespaces={given}").stdout)
    assert selectors(found) == leaves_out("trustkit-system", *more)


def test_the_webhook_can_do_without_the_clusters_dns(template: Template) -> None:
    found = documents(template(*GIVEN, "--set", "dnsPolicy=Default").stdout)
    assert found["StatefulSet"]["spec"]["template"]["spec"]["dnsPolicy"] == "Default"


def test_the_api_server_can_reach_the_service_that_is_asked(template: Template) -> None:
    rendered = [one for one in yaml.safe_load_all(template(*GIVEN).stdout) if one]
    services = {one["metadata"]["name"]: one["spec"] for one in rendered if one["kind"] == "Service"}
    for one in rendered:
        for webhook in one.get("webhooks", []):
            assert services[webhook["clientConfig"]["service"]["name"]].get("clusterIP") != "None"


def mounted(found: Documents) -> dict[str, str]:
    """Where the pod finds which ConfigMap of a namespace's policy."""
    pod = found["StatefulSet"]["spec"]["template"]["spec"]
    names = [one["name"] for one in pod["volumes"]]
    assert len(set(names)) == len(names)
    maps = {one["name"]: one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one}
    mounts = pod["containers"][0]["volumeMounts"]
    return {one["mountPath"]: maps[one["name"]] for one in mounts if one["mountPath"].startswith("/namespaces/")}


def test_policies_of_namespaces_are_mounted_where_they_are_read(template: Template) -> None:
    found = documents(template(*GIVEN, "--set", "namespacePolicies.production=prod-policy").stdout)
    assert mounted(found) == {"/namespaces/production": "prod-policy"}


def test_namespaces_with_long_names_alike_get_volumes_of_their_own(template: Template) -> None:
    long = "n" * 62
    given = [word for end in "ba" for word in ("--set", f"namespacePolicies.{long}{end}=policy-{end}")]
    found = documents(template(*GIVEN, *given).stdout)
    assert mounted(found) == {f"/namespaces/{long}a": "policy-a", f"/namespaces/{long}b": "policy-b"}


@pytest.mark.parametrize("namespace", ["default", "kube-system", "kube-public", "kube-node-lease"])
def test_it_is_not_installed_where_others_make_pods(template: Template, namespace: str) -> None:
    done = template(*GIVEN, namespace=namespace)
    assert (done.status, done.stdout) == (1, "")
    assert f"namespace {namespace} is not trustkit's alone" in done.stderr


def test_registries_inside_are_named(template: Template) -> None:
    hosts = ("--set", "registry.privateHosts={registry.corp:5000,10.0.0.7}")
    found = documents(template(*GIVEN, *hosts).stdout)
    variables = found["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "TRUSTKIT_REGISTRY_PRIVATE_HOSTS", "value": "registry.corp:5000,10.0.0.7"} in variables


def test_secrets_are_readable_in_the_named_namespaces_only(template: Template) -> None:
    rendered = [
        one for one in yaml.safe_load_all(template(*GIVEN, "--set", "pullSecretNamespaces={shop}").stdout) if one
    ]
    about_secrets = [one for one in rendered if "secrets" in str(one.get("rules"))]
    assert [(one["kind"], one["metadata"]["namespace"]) for one in about_secrets] == [("Role", "shop")]
    (stateful,) = [one for one in rendered if one["kind"] == "StatefulSet"]
    assert "--pull-secrets" in stateful["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize(
    "values",
    [
        ("--set", "caBundle=Cg=="),
        ("--set", f"image={IMAGE}"),
        ("--set", "image=registry.example/trustkit:latest", "--set", "caBundle=Cg=="),
        (*GIVEN, "--set", "caBundle=not base64!"),
        (*GIVEN, "--set", "replicas=1"),
        (*GIVEN, "--set", "timeoutSeconds=31"),
        (*GIVEN, "--set", "failurePolicy=Ignore"),
        (*GIVEN, "--set", "registry.allowPrivateNetworks=maybe"),
        (*GIVEN, "--set", "namespacePolicies.Prod=x"),
        (*GIVEN, "--set", f"namespacePolicies.{'n' * 64}=x"),
        (*GIVEN, "--set", "excludedNamespaces=kube-system"),
        (*GIVEN, "--set", "excludedNamespaces={*}"),
        (*GIVEN, "--set-json", 'excludedNamespaces=["a]"]'),
        (*GIVEN, "--set", "dnsPolicy=None"),
    ],
    ids=lambda words: words[-1],
)
def test_values_that_would_weaken_it_render_nothing(template: Template, values: tuple[str, ...]) -> None:
    done = template(*values)
    assert done.status != 0
    assert not done.stdout


def test_helm_finds_nothing_wrong_with_the_chart(tmp_path: Path) -> None:
    command = [peer("helm"), "lint", "--strict", str(CHART), *GIVEN]
    done = run(command, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert done.status == 0, done.said
