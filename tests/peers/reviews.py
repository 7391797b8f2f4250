"""Admission reviews as a kube-apiserver sends them: compact JSON in the order and with the escapes of Go's encoder."""

from __future__ import annotations

import json
from typing import Any

TOKEN_VOLUME: dict[str, Any] = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}],
        "defaultMode": 420,
    },
}
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


def container(image: str, name: str = "app", **members: Any) -> dict[str, Any]:
    """Return a container as the API server completes it."""
    return {
        "name": name,
        "image": image,
        "resources": {},
        "volumeMounts": [
            {
                "name": TOKEN_VOLUME["name"],
                "readOnly": True,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            }
        ],
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
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
    }
    spec.update(members)
    return spec


def workload(kind: str, spec: dict[str, Any], *, name: str = "web", namespace: str = "shop", **metadata: Any) -> Any:
    """Return an object of a kind around a pod's spec."""
    group, version, _ = _GROUPS[kind]
    template = {"metadata": {"creationTimestamp": None, "labels": {"app": name}}, "spec": spec}
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
        body["spec"] = spec
    elif kind == "PodTemplate":
        body["template"] = template
    elif kind == "CronJob":
        body["spec"] = {"schedule": "*/5 * * * *", "jobTemplate": {"metadata": {}, "spec": {"template": template}}}
    else:
        body["spec"] = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return body


def review(new: Any, *, old: Any = None, uid: str = "705ab4f5-6393-11e8-b7cc-42010a800002", **request: Any) -> Any:
    """Return the review of creating `new`, or of changing `old` into it."""
    kind = (new or old)["kind"]
    group, _, version = (new or old)["apiVersion"].rpartition("/")
    resource = _GROUPS.get(kind, (group, version, kind.lower() + "s"))[2]
    gvk = {"group": group, "version": version, "kind": kind}
    gvr = {"group": group, "version": version, "resource": resource}
    metadata = (new or old)["metadata"]
    part = {name: request.pop(name) for name in ("subResource",) if name in request}
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": uid,
            "kind": gvk,
            "resource": gvr,
            **part,
            "requestKind": gvk,
            "requestResource": gvr,
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "operation": "CREATE" if old is None else "UPDATE",
            "userInfo": {"username": "alice@example.com", "groups": ["developers", "system:authenticated"]},
            "object": new,
            "oldObject": old,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            **request,
        },
    }


def encoded(document: Any) -> bytes:
    """Return the bytes as Go writes them: compact, with <, > and & escaped, and a line feed at the end."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode() + b"\n"
