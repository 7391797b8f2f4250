import json

import pytest

from peers.reviews import container, encoded, pod_spec, review, workload
from trustkit.errors import LimitExceededError, MalformedError, ReferenceSyntaxError, UsageError
from trustkit.hooks.kubernetes.images import registry_image, wanted_images
from trustkit.hooks.kubernetes.pods import IMAGE, KINDS, POD_SPEC, parse_custom_path
from trustkit.hooks.kubernetes.review import Answer, parse_review, uid_of, write_answer
from trustkit.policy.profiles import BASELINE, PROFILES
from trustkit.policy.rules.runtime import CHECKS

A = "registry.example/team/app@sha256:" + "a" * 64
B = "registry.example/team/app@sha256:" + "b" * 64


def images(document: object, *custom: object) -> list[str]:
    return [use.image for use in wanted_images(parse_review(encoded(document)), custom).new]


def pod(*containers: object, **members: object) -> dict:
    return workload("Pod", pod_spec(*(containers or (container(A),)), **members))


def facts(spec: dict, **metadata: object) -> object:
    found = wanted_images(parse_review(encoded(review(workload("Pod", spec, **metadata)))))
    return found.new[0].request


@pytest.mark.parametrize("kind", sorted(kind.kind for kind in KINDS))
def test_every_kind_that_bears_pods_gives_up_its_image(kind):
    found = wanted_images(parse_review(encoded(review(workload(kind, pod_spec(container(A)))))))
    assert [use.image for use in found.new] == [A]


@pytest.mark.parametrize("kind", sorted(kind.kind for kind in KINDS))
def test_the_pointer_of_an_image_leads_to_it(kind):
    document = workload(kind, pod_spec(container(A)))
    at = document
    for step in wanted_images(parse_review(encoded(review(document)))).new[0].pointer.split("/")[1:]:
        at = at[int(step)] if isinstance(at, list) else at[step]
    assert at == A


@pytest.mark.parametrize("slot", ["initContainers", "ephemeralContainers"])
def test_containers_of_every_slot_are_found(slot):
    assert images(review(pod(**{slot: [container(B)]}))) in ([B, A], [A, B])


def test_an_image_that_is_mounted_is_found():
    volume = {"name": "model", "image": {"reference": B, "pullPolicy": "Always"}}
    assert images(review(pod(volumes=[volume]))) == [A, B]


def test_a_mounted_image_is_pulled_and_not_run():
    volume = {"name": "model", "image": {"reference": B}}
    found = wanted_images(parse_review(encoded(review(pod(volumes=[volume]))))).new
    assert [use.request.purpose for use in found] == ["run", "pull"]


def test_a_mounted_image_without_a_reference_is_no_image():
    use = wanted_images(parse_review(encoded(review(pod(volumes=[{"name": "m", "image": {"pullPolicy": "Never"}}])))))
    with pytest.raises(ReferenceSyntaxError):
        registry_image(use.new[-1].image)


def test_a_pod_whose_container_names_no_image_is_refused():
    with pytest.raises(MalformedError, match="names no image"):
        images(review(pod({"name": "app"})))


def test_a_template_may_leave_the_image_open():
    assert images(review(workload("Deployment", pod_spec({"name": "app"})))) == []


def test_an_update_that_changes_nothing_about_images_asks_nothing():
    old = pod()
    assert images(review(workload("Pod", old["spec"], labels={"app": "other"}), old=old)) == []


def test_an_update_is_asked_about_the_changed_image():
    assert images(review(pod(container(B)), old=pod())) == [B]


def test_the_same_image_with_more_rights_is_asked_about_again():
    privileged = container(A, securityContext={"privileged": True})
    assert images(review(pod(privileged), old=pod())) == [A]


def test_an_ephemeral_container_added_to_a_running_pod_is_asked_about():
    new = pod(container(A), ephemeralContainers=[container(B, "debug")])
    assert images(review(new, old=pod(), subResource="ephemeralcontainers")) == [B]


def test_a_deletion_timestamp_on_a_new_object_changes_nothing():
    document = workload("Pod", pod_spec(container(A)), deletionTimestamp="2026-11-24T12:00:00Z")
    assert images(review(document)) == [A]


def test_a_changed_image_of_a_pod_being_deleted_is_still_asked_about():
    old = workload("Pod", pod_spec(container(A)), deletionTimestamp="2026-11-24T12:00:00Z")
    new = workload("Pod", pod_spec(container(B)), deletionTimestamp="2026-11-24T12:00:00Z")
    assert images(review(new, old=old)) == [B]


def test_a_finalizer_can_be_taken_off():
    old = workload(
        "Pod", pod_spec(container(A)), finalizers=["example.com/x"], deletionTimestamp="2026-11-24T12:00:00Z"
    )
    new = workload("Pod", pod_spec(container(A)), deletionTimestamp="2026-11-24T12:00:00Z")
    assert images(review(new, old=old)) == []


def test_a_deletion_asks_nothing():
    assert images(review(None, old=pod(), operation="DELETE")) == []


@pytest.mark.parametrize("operation", ["CONNECT", "create", ""])
def test_an_operation_that_is_not_understood_is_refused(operation):
    with pytest.raises(MalformedError, match="operation"):
        images(review(pod(), operation=operation))


def test_a_kind_nobody_spoke_of_is_refused():
    document = {"kind": "Workflow", "apiVersion": "example.com/v1", "metadata": {"name": "w"}, "spec": {}}
    with pytest.raises(MalformedError, match=r"example\.com/Workflow"):
        images(review(document))


def test_a_kind_of_another_group_does_not_pass_for_a_pod():
    document = {**pod(), "apiVersion": "example.com/v1"}
    with pytest.raises(MalformedError, match=r"example\.com/Pod"):
        images(review(document))


def test_a_custom_kind_is_read_by_its_paths():
    spec = {"steps": [{"pod": pod_spec(container(A))}, {"pod": None}], "tool": {"image": B}}
    document = {"kind": "Workflow", "apiVersion": "example.com/v1", "metadata": {"name": "w"}, "spec": spec}
    paths = (
        parse_custom_path("example.com/Workflow=spec.steps[*].pod", POD_SPEC),
        parse_custom_path("example.com/Workflow=spec.tool.image", IMAGE),
    )
    assert images(review(document), *paths) == [A, B]


@pytest.mark.parametrize("steps", [{"pod": {}}, "text", 3])
def test_a_custom_path_through_something_else_is_refused(steps):
    document = {"kind": "Workflow", "apiVersion": "example.com/v1", "metadata": {"name": "w"}, "spec": {"steps": steps}}
    with pytest.raises(MalformedError):
        images(review(document), parse_custom_path("example.com/Workflow=spec.steps[*].pod", POD_SPEC))


@pytest.mark.parametrize("text", ["", "Workflow=spec", "example.com/=spec", "a/b=", "a/b=x..y", "a/b"])
def test_a_path_that_says_nothing_is_refused(text):
    with pytest.raises(UsageError):
        parse_custom_path(text, POD_SPEC)


def test_too_many_images_are_refused():
    with pytest.raises(LimitExceededError):
        images(review(pod(*(container(A, f"c{number}") for number in range(129)))))


@pytest.mark.parametrize("text", ["oci:/etc", "oci-archive:/x.tar", "docker-archive:/x.tar", "docker://x/y", ""])
def test_no_image_reads_files_of_the_webhook(text):
    try:
        found = registry_image(text)
    except ReferenceSyntaxError:
        return
    assert found.transport == "docker"


def test_a_name_like_a_transport_is_an_image_of_docker_hub():
    assert str(registry_image("oci:1.36")) == "docker.io/library/oci:1.36"


# --- what a container asks for --------------------------------------------------------------------


def test_a_pod_that_says_nothing_asks_for_kubernetes_defaults():
    request = facts(pod_spec(container(A)))
    assert request == request.__class__(
        actor="alice@example.com",
        purpose="run",
        engine="kubernetes",
        seccomp="unset",
        volumes=("projected",),
        namespace="shop",
        namespace_labels=(("kubernetes.io/metadata.name", "shop"),),
        kind="Pod",
        slot="containers",
    )


OWN = {
    "privileged": ({"privileged": True}, True),
    "capabilities_added": ({"capabilities": {"add": ["CAP_SYS_ADMIN", "net_raw"]}}, ("NET_RAW", "SYS_ADMIN")),
    "capabilities_dropped": ({"capabilities": {"drop": ["all"]}}, ("ALL",)),
    "read_only": ({"readOnlyRootFilesystem": True}, True),
    "user": ({"runAsUser": 0, "runAsGroup": 5}, "0:5"),
    "non_root": ({"runAsNonRoot": True}, True),
    "new_privileges": ({"allowPrivilegeEscalation": False}, False),
    "proc_mount": ({"procMount": "Unmasked"}, "Unmasked"),
    "selinux": ({"seLinuxOptions": {"role": "r", "type": "t"}}, ":r:t"),
    "seccomp": ({"seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}}, "localhost/p.json"),
    "apparmor": ({"appArmorProfile": {"type": "Unconfined"}}, "unconfined"),
    "host_process": ({"windowsOptions": {"hostProcess": True}}, True),
}


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_containers_security_context_becomes_facts(name):
    context, expected = OWN[name]
    assert getattr(facts(pod_spec(container(A, securityContext=context))), name) == expected


POD_LEVEL = {
    "host_network": ({"hostNetwork": True}, True),
    "host_pid": ({"hostPID": True}, True),
    "host_ipc": ({"hostIPC": True}, True),
    "host_mounts": ({"volumes": [{"name": "h", "hostPath": {"path": "/etc"}}]}, ("/etc",)),
    "volumes": ({"volumes": [{"name": "h", "nfs": {}}, {"name": "e", "emptyDir": {}}]}, ("emptyDir", "nfs")),
    "sysctls": ({"securityContext": {"sysctls": [{"name": "kernel.sem", "value": "1"}]}}, ("kernel.sem",)),
    "user": ({"securityContext": {"runAsUser": 7}}, "7"),
    "non_root": ({"securityContext": {"runAsNonRoot": True}}, True),
    "pod_root": ({"securityContext": {"runAsUser": 0}}, True),
    "seccomp": ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, "default"),
    "host_process": ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, True),
}


@pytest.mark.parametrize("name", sorted(POD_LEVEL))
def test_a_pods_settings_become_facts_of_its_containers(name):
    members, expected = POD_LEVEL[name]
    assert getattr(facts(pod_spec(container(A), **members)), name) == expected


def test_a_container_overrides_its_pod():
    spec = pod_spec(
        container(A, securityContext={"runAsUser": 0, "runAsNonRoot": False}),
        securityContext={"runAsUser": 7, "runAsNonRoot": True},
    )
    assert (facts(spec).user, facts(spec).non_root) == ("0", False)


ROOT, NOT_ROOT = {"runAsUser": 0}, {"runAsUser": 10001, "runAsNonRoot": True}


@pytest.mark.parametrize("slot", ["initContainers", "containers", "ephemeralContainers"])
@pytest.mark.parametrize(
    ("of_pod", "of_container", "refused"),
    [
        (ROOT, NOT_ROOT, True),
        (NOT_ROOT, ROOT, True),
        (ROOT, {}, True),
        (ROOT, {"runAsNonRoot": True}, True),
        ({}, NOT_ROOT, False),
        (NOT_ROOT, {}, False),
        ({"runAsUser": None}, NOT_ROOT, False),
        ({"runAsUser": 7}, NOT_ROOT, False),
        # the standard asks for the word, not for the number
        ({"runAsUser": 10001}, {}, True),
        (NOT_ROOT, {"runAsNonRoot": False}, True),
    ],
)
def test_root_counts_for_a_pod_whatever_its_containers_say(slot, of_pod, of_container, refused):
    spec = {slot: [container(A, securityContext=of_container)], "securityContext": of_pod}
    assert bool(CHECKS["requireNonRoot"](facts(spec), ())) == refused


@pytest.mark.parametrize("user", ["0", 0.0, False, [0]])
def test_a_pods_user_that_is_no_number_is_refused_whatever_its_containers_say(user):
    with pytest.raises(MalformedError, match="must be numbers"):
        facts(pod_spec(container(A, securityContext=NOT_ROOT), securityContext={"runAsUser": user}))


OPTIONS, SECCOMP, APPARMOR = "seLinuxOptions", "seccompProfile", "appArmorProfile"
BOTH = [
    # Kubernetes merges these field by field; a container's false beside a pod's true is refused by the API server
    ("host_process", {"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {"runAsUserName": "x"}}, True),
    ("host_process", {"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {}}, True),
    ("host_process", {"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {"hostProcess": False}}, True),
    ("host_process", {"windowsOptions": {"runAsUserName": "x"}}, {"windowsOptions": {"hostProcess": True}}, True),
    ("host_process", {"windowsOptions": {"hostProcess": False}}, {"windowsOptions": {"runAsUserName": "x"}}, False),
    # and takes these whole; the standards look at the pod's too
    ("selinux", {OPTIONS: {"type": "spc_t"}}, {OPTIONS: {"level": "s0"}}, "::spc_t"),
    ("selinux", {OPTIONS: {"user": "u", "type": "a_t"}}, {OPTIONS: {"role": "r", "type": "b_t"}}, "u:r:b_t,a_t"),
    ("selinux", {OPTIONS: {"type": "a_t"}}, {OPTIONS: {"type": "a_t"}}, "::a_t"),
    ("seccomp", {SECCOMP: {"type": "Unconfined"}}, {SECCOMP: {"type": "RuntimeDefault"}}, "unconfined"),
    ("seccomp", {SECCOMP: {"type": "RuntimeDefault"}}, {SECCOMP: {"type": "Unconfined"}}, "unconfined"),
    (
        "seccomp", {SECCOMP: {"type": "Localhost", "localhostProfile": "p"}}, {SECCOMP: {"type": "RuntimeDefault"}},
        "default",
    ),
    ("apparmor", {APPARMOR: {"type": "Unconfined"}}, {APPARMOR: {"type": "RuntimeDefault"}}, "unconfined"),
    ("apparmor", {APPARMOR: {"type": "RuntimeDefault"}}, {APPARMOR: {"type": "Unconfined"}}, "unconfined"),
    # only containers have these
    ("capabilities_added", {}, {"capabilities": {"add": ["SYS_ADMIN"]}}, ("SYS_ADMIN",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "of_pod", "of_container", "expected"), BOTH)
def test_what_a_pod_and_its_container_say_is_merged(name, of_pod, of_container, expected):
    spec = pod_spec(container(A, securityContext=of_container), securityContext=of_pod)
    assert getattr(facts(spec), name) == expected


@pytest.mark.parametrize(
    ("of_pod", "of_container", "rule"),
    [
        ({"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {"runAsUserName": "x"}}, "denyHostProcess"),
        ({OPTIONS: {"type": "spc_t"}}, {OPTIONS: {"type": "container_t"}}, "selinuxTypes"),
        ({OPTIONS: {"type": "container_t"}}, {OPTIONS: {"type": "spc_t"}}, "selinuxTypes"),
        ({OPTIONS: {"user": "u"}}, {OPTIONS: {"type": "container_t"}}, "selinuxTypes"),
        ({SECCOMP: {"type": "Unconfined"}}, {SECCOMP: {"type": "RuntimeDefault"}}, "seccomp"),
        ({APPARMOR: {"type": "Unconfined"}}, {APPARMOR: {"type": "RuntimeDefault"}}, "apparmor"),
        ({OPTIONS: {"type": "container_t"}}, {OPTIONS: {"type": "container_init_t"}}, ""),
        ({"windowsOptions": {"runAsUserName": "y"}}, {"windowsOptions": {"runAsUserName": "x"}}, ""),
    ],
)
def test_the_pod_security_standards_see_what_pod_and_container_say(of_pod, of_container, rule):
    request = facts(pod_spec(container(A, securityContext=of_container), securityContext=of_pod))
    baseline = PROFILES[BASELINE]
    assert [name for name in baseline if CHECKS[name](request, baseline[name])] == ([rule] if rule else [])


def test_a_host_port_is_a_fact():
    spec = pod_spec(container(A, ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81}]))
    assert facts(spec).host_ports == ("80",)


def test_what_annotations_of_trustkit_say_is_not_read():
    annotations = {"trustkit.dev/verdict": "allow", "trustkit.dev/skip": "true"}
    assert facts(pod_spec(container(A)), annotations=annotations) == facts(pod_spec(container(A)))


def test_the_old_annotation_for_apparmor_is_read():
    annotations = {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}
    assert facts(pod_spec(container(A)), annotations=annotations).apparmor == "unconfined"


def test_the_old_annotation_hides_no_unconfined_profile():
    annotations = {"container.apparmor.security.beta.kubernetes.io/app": "localhost/x"}
    spec = pod_spec(container(A), securityContext={"appArmorProfile": {"type": "Unconfined"}})
    assert facts(spec, annotations=annotations).apparmor == "unconfined"


@pytest.mark.parametrize(
    "members",
    [
        {"hostNetwork": "yes"},
        {"securityContext": []},
        {"volumes": {}},
        {"containers": "x"},
        {"containers": [3]},
        {"initContainers": [{"image": 3}]},
        {"securityContext": {"runAsUser": "0"}},
        {"containers": [container(A, securityContext={"privileged": 1})]},
        {"containers": [container(A, command="sh")]},
    ],
    ids=str,
)
def test_a_member_of_the_wrong_type_is_refused(members):
    with pytest.raises(MalformedError):
        images(review(workload("Pod", pod_spec(container(A), **members))))


# --- the envelope ---------------------------------------------------------------------------------


def twice(name: bytes, body: bytes) -> bytes:
    at = body.index(b'"' + name + b'":')
    return body[:at] + b'"' + name + b'":null,' + body[at:]


@pytest.mark.parametrize("name", ["request", "uid", "object", "spec", "containers", "image", "privileged"])
def test_a_name_that_occurs_twice_is_refused(name):
    document = pod(container(A, securityContext={"privileged": False}))
    with pytest.raises(MalformedError, match="duplicate"):
        wanted_images(parse_review(twice(name.encode(), encoded(review(document)))))


def test_a_review_with_spaces_and_escapes_is_read():
    document = review(pod(container(A, command=["sh", "-c", "a && b > c < d ü \u2028"])))
    assert parse_review(json.dumps(document, indent=1).encode()).uid == document["request"]["uid"]
    assert images(document) == [A]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{}}',
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"a b"}}',
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"a","kind":"Pod"}}',
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":' + b"[" * 100_000,
    ],
)
def test_what_is_no_review_is_refused(body):
    with pytest.raises(MalformedError):
        parse_review(body)


def test_a_deeply_nested_pod_is_refused():
    deep = b"[" * 5000 + b"]" * 5000
    body = encoded(review(pod())).replace(b'"schedulerName":', b'"x":' + deep + b',"schedulerName":')
    with pytest.raises(MalformedError):
        wanted_images(parse_review(body))


def test_a_review_beyond_the_limit_is_refused():
    with pytest.raises(LimitExceededError):
        parse_review(b" " * (6 * 1024 * 1024 + 1))


def test_a_review_of_a_broken_object_can_still_be_answered():
    assert uid_of(encoded(review({**pod(), "metadata": {"name": "x"}}, uid="u-1", name=3))) == "u-1"


def test_an_unusable_uid_is_not_repeated():
    assert uid_of(b'{"request":{"uid":"<script>"}}') == ""


def test_a_denial_carries_its_reason():
    found = json.loads(write_answer("u", Answer(False, "because")))["response"]
    assert found["allowed"] is False
    assert found["status"] == {"code": 403, "reason": "Forbidden", "message": "because"}


def test_warnings_are_cut_to_what_clients_show():
    found = json.loads(write_answer("u", Answer(True, warnings=("a" * 500, "b\nc\x1b[31m"))))["response"]["warnings"]
    assert [len(text) <= 120 and text.isprintable() for text in found] == [True, True]


def test_a_denial_never_changes_the_object():
    found = json.loads(write_answer("u", Answer(False, "no", patch=({"op": "remove", "path": "/spec"},))))
    assert "patch" not in found["response"]
