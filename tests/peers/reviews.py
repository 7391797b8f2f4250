"""Admission reviews as a kube-apiserver sends them: compact JSON in the order and with the escapes of Go's encoder."""

from __future__ import annotations

import json
from typing import Any

_NAMESPACE = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
TOKEN_VOLUME: dict[str, Any] = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": _NAMESPACE}]}},
        ],
        "defaultMode": 420,
    },
}
TOKEN_MOUNTS = [
    {"name": TOKEN_VOLUME["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
]
_GROUPS = {
    "Pod": ("", "v1", "pods"),
    "PodTemplate": ("", "v1", "podtemplates"),
    "ReplicationController": ("", "v1", "replicationcontrollers"),
    "Deployment": ("apps", "v1", "deployments"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
    "DaemonSet": ("apps", "v1", "daemonsets"),
    "Job": ("batch", "v1", "jobs"),
    "CronJob": ("batch", "v1", "cronjobs"),
}
_REPLICATED = ("ReplicationController", "Deployment", "ReplicaSet", "StatefulSet")
_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
_SECONDS = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
# What admission adds to pods, and so to no template of pods.
_OF_PODS: dict[str, Any] = {
    "volumes": [TOKEN_VOLUME],
    "serviceAccountName": "default",
    "serviceAccount": "default",
    "tolerations": [
        {"key": "node.kubernetes.io/not-ready", **_SECONDS},
        {"key": "node.kubernetes.io/unreachable", **_SECONDS},
    ],
    "priority": 0,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
}


def container(image: str, name: str = "app", **members: Any) -> dict[str, Any]:
    """Return a container of a pod as the API server completes it."""
    return {
        "name": name,
        "image": image,
        "resources": {},
        "volumeMounts": TOKEN_MOUNTS,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        **members,
    }


def pod_spec(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a pod's spec as the API server completes it."""
    spec: dict[str, Any] = {
        "volumes": [TOKEN_VOLUME],
        "containers": list(containers),
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": members.get("serviceAccountName", "default"),
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **{name: _OF_PODS[name] for name in ("tolerations", "priority", "enableServiceLinks", "preemptionPolicy")},
    }
    spec.update(members)
    return spec


def _template_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what a template has of a pod's spec: neither the token nor anything else that admission adds."""
    kept = {name: value for name, value in spec.items() if name not in _OF_PODS or value != _OF_PODS[name]}
    for slot in ("initContainers", "containers"):
        if slot in kept:
            kept[slot] = [{name: one[name] for name in one if one[name] != TOKEN_MOUNTS} for one in kept[slot]]
    return kept


def workload(kind: str, spec: dict[str, Any], *, name: str = "web", namespace: str = "shop", **metadata: Any) -> Any:
    """Return an object of a kind around a pod's spec, but for the `managedFields` that a real one has."""
    group, version, _ = _GROUPS[kind]
    body: dict[str, Any] = {
        "kind": kind,
        "apiVersion": f"{group}/{version}" if group else version,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": "2f6d5a1e-8f0b-4f6e-9a55-0d3a4c2b1e00",
            "creationTimestamp": "2026-11-24T12:00:00Z",
            "labels": {"app": name},
            **metadata,
        },
    }
    if kind == "Pod":
        return {**body, "spec": spec, "status": {"phase": "Pending", "qosClass": "BestEffort"}}
    template = {"metadata": {"creationTimestamp": None, "labels": {"app": name}}, "spec": _template_spec(spec)}
    if kind == "PodTemplate":
        return {**body, "template": template}
    if kind == "CronJob":
        job = {"metadata": {"creationTimestamp": None}, "spec": {"template": template}}
        body["spec"] = {"schedule": "*/5 * * * *", "jobTemplate": job}
    else:
        selector = {"app": name} if kind == "ReplicationController" else {"matchLabels": {"app": name}}
        body["spec"] = {**({"replicas": 2} if kind in _REPLICATED else {}), "selector": selector, "template": template}
    return {**body, "status": {}}


def review(new: Any, *, old: Any = None, uid: str = "705ab4f5-6393-11e8-b7cc-42010a800002", **request: Any) -> Any:
    """Return the review of creating `new`, or of changing `old` into it; recorded ones have the same members."""
    kind = (new or old)["kind"]
    group, _, version = (new or old)["apiVersion"].rpartition("/")
    resource = _GROUPS.get(kind, (group, version, kind.lower() + "s"))[2]
    gvk = {"group": group, "version": version, "kind": kind}
    gvr = {"group": group, "version": version, "resource": resource}
    metadata = (new or old)["metadata"]
    part = request.pop("subResource", "")
    operation = request.pop("operation", "CREATE" if old is None else "UPDATE")
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": uid,
            "kind": gvk,
            "resource": gvr,
            **({"subResource": part} if part else {}),
            "requestKind": gvk,
            "requestResource": gvr,
            **({"requestSubResource": part} if part else {}),
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "operation": operation,
            "userInfo": {"username": "alice@example.com", "groups": ["developers", "system:authenticated"]},
            "object": new,
            "oldObject": old,
            "dryRun": False,
            "options": {"kind": _OPTIONS.get(operation, "CreateOptions"), "apiVersion": "meta.k8s.io/v1"},
            **request,
        },
    }


def encoded(document: Any) -> bytes:
    """Return the bytes as Go writes them: compact, with <, > and & escaped, and a line feed at the end."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode() + b"\n"
