"""`trustkit serve webhook` over TLS, asked as an API server asks, with images in a real registry."""

import pytest

from peers.images import build
from peers.namespaces import api_server
from peers.reviews import container, pod_spec, review, workload
from peers.signed import Signed
from peers.webhook import WebhookServer, pod, webhook


@pytest.fixture
def signed(trustkit, registry, repository):
    return Signed(trustkit, registry, repository)


@pytest.fixture
def server(trustkit, tls, tmp_path, signed):
    with webhook(trustkit, tls, tmp_path) as running:
        yield running


def pinned(server: WebhookServer, image: str) -> str:
    return server.pinned(image)


def test_a_signed_image_is_pinned_and_admitted(server, signed, image):
    name = signed.push(image)
    found = pinned(server, name)
    assert found.startswith(f"{name}@sha256:")
    assert server.answer("/validate", pod(found))["allowed"] is True


def test_an_unsigned_image_is_refused_with_the_rule(server, signed, image):
    found = server.answer("/validate", pod(pinned(server, signed.push(image, sign=False))))
    assert (found["allowed"], "rule" in found["status"]["message"]) == (False, True)


def test_a_tag_that_was_not_pinned_is_refused(server, signed, image):
    found = server.answer("/validate", pod(signed.push(image)))
    assert (found["allowed"], "names no digest" in found["status"]["message"]) == (False, True)


def test_an_unsigned_ephemeral_container_is_refused(server, signed, image):
    good = pinned(server, signed.push(image))
    debug = container(good.split("@")[0].rsplit("/", 1)[0] + "/none@sha256:" + "0" * 64, "debug")
    old = workload("Pod", pod_spec(container(good)))
    new = workload("Pod", pod_spec(container(good), ephemeralContainers=[debug]))
    assert server.answer("/validate", review(new, old=old, subResource="ephemeralcontainers"))["allowed"] is False


def test_a_registry_that_is_down_refuses_with_a_reason(server):
    found = server.answer("/validate", pod("127.0.0.1:1/x/y@sha256:" + "a" * 64))
    assert (found["allowed"], "127.0.0.1:1" in found["status"]["message"]) == (False, True)


def test_a_tag_nobody_has_refuses_in_the_mutating_webhook(server, registry, repository):
    assert server.answer("/mutate", pod(registry.reference(repository, "none")))["allowed"] is False


def test_an_unknown_kind_is_refused_with_http_200(server):
    document = {"kind": "Workflow", "apiVersion": "example.com/v1", "metadata": {"name": "w"}, "spec": {}}
    assert server.answer("/validate", review(document))["allowed"] is False


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff"])
def test_what_cannot_be_answered_is_no_review(server, body):
    assert server.ask("/validate", body)[0] == 400


def test_an_endless_body_is_refused(server):
    assert server.ask("/validate", b" " * (6 * 1024 * 1024 + 1))[0] == 413


def test_every_review_is_on_record_and_dry_runs_say_so(server, signed, image, trustkit):
    good = pinned(server, signed.push(image))
    document = review(workload("Pod", pod_spec(container(good))), dryRun=True)
    assert server.answer("/validate", document)["allowed"] is True
    said = trustkit.must("audit", "log", "--output", "json").stdout
    assert '"dry_run"' in said


def test_a_policy_that_breaks_leaves_the_one_before_in_force(server, signed, image, trustkit):
    good = pinned(server, signed.push(image))
    (trustkit.home / "config.toml").write_text('[trust]\npolicy = "/nowhere.yaml"\n')
    server.process.wait_until(lambda: b"nowhere" in server.process.log.read_bytes())
    status, told = server.ask("/readyz")
    assert (status, b"nowhere.yaml" in told, server.answer("/validate", pod(good))["allowed"]) == (200, True, True)


def test_a_key_that_is_no_longer_trusted_ends_what_was_kept(server, signed, image):
    good = pinned(server, signed.push(image))
    assert server.answer("/validate", pod(good))["allowed"] is True
    signed.distrust()
    server.process.wait_until(lambda: server.answer("/validate", pod(good))["allowed"] is False)


def test_a_certificate_that_does_not_fit_leaves_the_one_before_in_force(server):
    server.certificate.write_text("no certificate")
    server.process.wait_until(lambda: b"no usable TLS" in server.process.log.read_bytes())
    assert server.ready()


NAMED = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: {name}}}
spec:
  trust: {{keys: {{release: {{pem: {key}}}}}}}
  verify: {{signatures: {signatures}}}
"""


def test_a_namespaces_document_tightens_there_and_loosens_nothing(server, signed, image, trustkit, tmp_path):
    key = signed.key_ring / "release.pub"
    written = {
        "policies/cluster": NAMED.format(name="cluster", key=key, signatures="{key: release}"),
        "namespaces/strict/own": NAMED.format(
            name="own", key=key, signatures="{key: release, annotations: {env: prod}}"
        ),
        "namespaces/open/own": NAMED.format(name="own", key=key, signatures="{key: release}").replace(
            "spec:", "spec:\n  enforcement: {mode: warn}"
        ),
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    (trustkit.home / "config.toml").write_text(f'[trust]\npolicy = "{tmp_path / "policies"}"\n')
    other = build(files={"etc/other": b"1"})
    good, bad = pinned(server, signed.push(image)), pinned(server, signed.push(other, "unsigned", sign=False))

    def said(image: str, namespace: str) -> str:
        found = server.answer("/validate", review(workload("Pod", pod_spec(container(image)), namespace=namespace)))
        return "" if found["allowed"] else found["status"]["message"]

    server.process.wait_until(lambda: "strict/own/verify.signatures" in said(good, "strict"))
    assert (said(good, "open"), said(good, "shop")) == ("", "")
    assert "cluster/verify.signatures" in said(bad, "open")


LABELLED = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: production}}
spec:
  match: {{namespaceSelector: {{env: prod}}}}
  trust: {{keys: {{release: {{pem: {key}}}}}}}
  verify: {{signatures: {{key: release, annotations: {{env: prod}}}}}}
---
"""


def test_labels_of_namespaces_come_from_the_api_server(trustkit, tls, tmp_path, signed, image):
    key = signed.key_ring / "release.pub"
    policy = tmp_path / "policy.yaml"
    everywhere = NAMED.format(name="everywhere", key=key, signatures="{key: release}")
    policy.write_text(LABELLED.format(key=key) + everywhere)
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(policy)
    with api_server(tls, tmp_path / "account") as api:
        api.labels = {"test": {}, "shop": {"env": "prod"}}
        trustkit.env.update(api.variables)
        with webhook(trustkit, tls, tmp_path, "--service-account", api.account) as running:
            name = pinned(running, signed.push(image))

            def said(namespace: str) -> str:
                metadata = {"namespace": namespace, "labels": {"env": "test"}}
                document = workload("Pod", pod_spec(container(name)), **metadata)
                found = running.answer("/validate", review(document))
                return "" if found["allowed"] else found["status"]["message"]

            assert said("test") == ""
            assert "production/verify.signatures" in said("shop")
            assert "does not exist" in said("gone")
            api.labels["test"] = {"env": "prod"}
            running.process.wait_until(lambda: "production/verify.signatures" in said("test"))
            (api.account / "token").write_text("ended")
            running.process.wait_until(lambda: "does not let us read" in said("test"))


def test_a_policy_about_labels_that_nobody_tells_is_not_put_in_force(server, signed, image, trustkit, tmp_path):
    good = pinned(server, signed.push(image))
    policy = tmp_path / "policy.yaml"
    policy.write_text(LABELLED.format(key=signed.key_ring / "release.pub"))
    (trustkit.home / "config.toml").write_text(f'[trust]\npolicy = "{policy}"\n')
    server.process.wait_until(lambda: b"labels of namespaces" in server.ask("/readyz")[1])
    assert server.answer("/validate", pod(good))["allowed"] is True


REACHED = """
  match: {{customPaths: [{{group: argoproj.io, kind: Rollout, podSpec: $.spec.template.spec}}]}}
  enforcement:
    onUpdate: always
    deadline: 9s
    digest: {{require: true, mutateTags: false}}
    onError: {on_error}
"""


def test_a_policy_says_what_is_asked_and_what_silence_means(trustkit, tls, tmp_path, signed, image):
    policy, key = tmp_path / "policy.yaml", signed.key_ring / "release.pub"
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(policy)

    def write(name: str, on_error: str) -> None:
        document = NAMED.format(name=name, key=key, signatures="{key: release}")
        policy.write_text(document + REACHED.format(on_error=on_error))

    write("closed", "deny")
    other = build(files={"etc/bad": b"1"})
    tagged = signed.push(image)
    good, bad = (
        signed.registry.reference(signed.repository, signed.registry.push(one, signed.repository))
        for one in (image, other)
    )
    silent = "127.0.0.1:1/x/y@sha256:" + "a" * 64
    with webhook(trustkit, tls, tmp_path) as running:

        def allowed(document: dict) -> bool:
            return running.answer("/validate", document)["allowed"]

        def rollout(name: str) -> dict:
            spec = {"template": {"spec": pod_spec(container(name))}}
            return review(
                {
                    "kind": "Rollout",
                    "apiVersion": "argoproj.io/v1",
                    "metadata": {"name": "r", "namespace": "shop"},
                    "spec": spec,
                }
            )

        assert "patch" not in running.answer("/mutate", pod(tagged))
        assert (allowed(rollout(good)), allowed(rollout(bad))) == (True, False)
        stored = workload("Pod", pod_spec(container(bad)))
        ending = workload("Pod", pod_spec(container(bad)), deletionTimestamp="2026-11-29T00:00:00Z")
        assert not allowed(review(stored, old=stored))
        assert not allowed(review(ending, old=stored))
        assert allowed(review(ending, old=ending))
        assert not allowed(pod(silent))
        write("open", "warn, acknowledgeFailOpen: ops".replace(", ", "\n    "))
        running.process.wait_until(lambda: allowed(pod(silent)))
        found = running.answer("/validate", pod(silent))
        assert "ops answers for it" in found["warnings"][0]
        assert not allowed(pod(bad))
