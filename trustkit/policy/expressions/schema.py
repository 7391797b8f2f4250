"""The facts an expression may look at, by the names policies write. docs/policy.md lists them."""

from trustkit.policy.expressions.kinds import (
    BOOL,
    INT,
    SPAN,
    TEXT,
    TIME,
    Kind,
    Member,
    Members,
    Schema,
    list_of,
    map_of,
)

_IMAGE, _REQUEST, _CRYPTO, _PLATFORM = Kind("image"), Kind("request"), Kind("crypto"), Kind("platform")
_SIGNATURE, _ATTESTATIONS, _RESOURCE = Kind("signature"), Kind("attestations"), Kind("resource")
_TEXTS, _PAIRS = list_of(TEXT), map_of(TEXT)


def _plain(kind: Kind, **names: str) -> Members:
    """Return members that Python reads as an attribute."""
    return {name: Member(kind, f"{{}}.{attribute}") for name, attribute in names.items()}


def _optional(**names: str) -> Members:
    return {name: Member(TIME, f"{{}}.{attribute}", optional=True) for name, attribute in names.items()}


def _pairs(**names: str) -> Members:
    return {name: Member(_PAIRS, f"dict({{}}.{attribute})") for name, attribute in names.items()}


def _lists(of: Kind, **names: str) -> Members:
    return {name: Member(list_of(of), f"{{}}.{attribute}") for name, attribute in names.items()}


_REFERENCE: Members = {
    **_plain(TEXT, name="ref.name", registry="ref.registry", reference="ref.given", tag="ref.tag"),
    "digest": Member(TEXT, "str({}.digest)"),
    **_plain(BOOL, pinned="pinned"),
}
_CONTENT: Members = {
    "manifestDigest": Member(TEXT, "str({}.manifest_digest)"),
    **_plain(_PLATFORM, platform="platform"),
    **_plain(TEXT, user="user"),
    **_plain(INT, sizeBytes="size_bytes", layers="layers"),
    **_pairs(labels="labels"),
    **_lists(TEXT, history="history"),
    **_optional(created="created"),
}
_ASKED: Members = {
    **_plain(TEXT, actor="actor", purpose="purpose", engine="engine", user="user", seccomp="seccomp",
             procMount="proc_mount", selinux="selinux", apparmor="apparmor", namespace="namespace", slot="slot"),
    "kind": Member(TEXT, "{}.kind"),
    **_plain(BOOL, privileged="privileged", hostNetwork="host_network", hostPid="host_pid", hostIpc="host_ipc",
             hostProcess="host_process", readOnly="read_only", newPrivileges="new_privileges", nonRoot="non_root",
             podRoot="pod_root"),
    **_lists(TEXT, hostMounts="host_mounts", hostPorts="host_ports", capabilitiesAdded="capabilities_added",
             capabilitiesDropped="capabilities_dropped", devices="devices", volumes="volumes", sysctls="sysctls",
             command="command"),
    **_pairs(namespaceLabels="namespace_labels"),
}  # fmt: skip
_MODULE: Members = {
    **_plain(
        TEXT,
        provider="provider",
        version="version",
        library="library",
        mode="mode",
        certificate="certificate",
        module="module",
        sha256="sha256",
    ),
    **_plain(BOOL, validated="validated"),
    **_lists(TEXT, approved="approved"),
}
_SIGNED: Members = {
    **_plain(TEXT, format="format", algorithm="algorithm", fingerprint="signer.fingerprint", issuer="signer.issuer",
             trustRoot="signer.trust_root", subject="signer.subject", claimedName="claimed_name",
             timeSource="time_source", log="log"),
    **_plain(INT, keyBits="signer.key_bits"),
    "approved": Member(BOOL, "({}.algorithm in V.crypto.approved)"),
    **_pairs(annotations="annotations", claims="signer.claims"),
    **_optional(signedAt="signed_at"),
}  # fmt: skip
_WITHIN: dict[str, Members] = {
    "image": {**_REFERENCE, **_CONTENT},
    "request": _ASKED,
    "crypto": _MODULE,
    "platform": _plain(TEXT, os="os", architecture="architecture", variant="variant"),
    "signature": _SIGNED,
    "resource": {**_plain(TEXT, uri="uri", name="name"), **_pairs(digests="digests")},
    "provenance": {
        **_plain(TEXT, builderId="builder_id", buildType="build_type", version="version", entryPoint="entry_point",
                 invocationId="invocation_id"),
        **_plain(_RESOURCE, source="source"),
        **_lists(_RESOURCE, materials="materials"),
        **_optional(startedAt="started_at", finishedAt="finished_at"),
        # by the names of SLSA 1
        "buildDefinition": Member(Kind("buildDefinition"), "{}"),
        "runDetails": Member(Kind("runDetails"), "{}"),
    },
    "buildDefinition": {
        **_plain(TEXT, buildType="build_type"),
        **_lists(_RESOURCE, resolvedDependencies="materials"),
        "externalParameters": Member(map_of(_PAIRS), "parameters({}.parameter_texts)"),
    },
    "runDetails": {"builder": Member(Kind("builder"), "{}")},
    "builder": _plain(TEXT, id="builder_id"),
    "scan": {
        **_plain(TEXT, scannerUri="scanner_uri", scannerVersion="scanner_version", form="form"),
        **_plain(TIME, finishedAt="finished_at"),
        **_lists(Kind("vulnerability"), vulnerabilities="vulnerabilities"),
    },
    "vulnerability": {
        **_plain(TEXT, id="id", severity="severity", package="package", version="version",
                 fixedVersion="fixed_version"),
        **_plain(BOOL, knownExploited="known_exploited"),
        **_lists(TEXT, aliases="aliases"),
        **_optional(publishedAt="published_at"),
    },
    "sbom": {
        **_plain(TEXT, form="form", version="version", name="name"),
        **_lists(Kind("package"), packages="packages"),
        **_optional(createdAt="created_at"),
    },
    "package": {**_plain(TEXT, name="name", version="version", purl="purl"), **_lists(TEXT, licences="licences")},
    "vex": {
        **_plain(TEXT, id="id", author="author"),
        **_plain(TIME, at="at"),
        **_lists(Kind("vexStatement"), statements="statements"),
    },
    "vexStatement": {
        **_plain(TEXT, vulnerability="vulnerability", status="status", justification="justification"),
        **_lists(TEXT, aliases="aliases", products="products"),
    },
    "summary": {
        **_plain(TEXT, verifierId="verifier_id", resourceUri="resource_uri", result="result", policyUri="policy.uri"),
        **_plain(TIME, verifiedAt="verified_at"),
        **_lists(TEXT, levels="levels"),
    },
    "testResult": {
        **_plain(TEXT, result="result", url="url"),
        **_lists(TEXT, passed="passed", warned="warned", failed="failed"),
    },
    "custom": {**_plain(TEXT, data="data"), **_optional(at="at")},
}  # fmt: skip
# What is read from the image's configuration, which has to be fetched.
CONFIGURED = frozenset({*(("image", name) for name in _CONTENT), ("request", "user")})
# Kinds that messages and tests go through.
SCALARS = (BOOL, INT, TEXT, TIME, SPAN)


def facts_schema(attestations: dict[str, str]) -> Schema:
    """Return the facts of rules; `attestations` says which predicate each has, or nothing: `{name: "scan"}`."""
    objects = dict(_WITHIN)
    stated: Members = {}
    for name, predicate in attestations.items():
        item = Kind(f"attestation of {predicate or 'an unknown type'}")
        stated[name] = Member(list_of(item), f"{{}}[{name!r}]")
        inside = {"predicate": Member(Kind(predicate), "{}.said")} if predicate else {}
        objects[item.name] = {**inside, **_optional(signedAt="signed_at")}
    objects["attestations"] = stated
    variables = {
        "image": Member(_IMAGE, "V.image"),
        "request": Member(_REQUEST, "V.request"),
        "crypto": Member(_CRYPTO, "V.crypto"),
        "now": Member(TIME, "V.now"),
        "signatures": Member(list_of(_SIGNATURE), "A['']"),
        "attestations": Member(_ATTESTATIONS, "A"),
    }
    return Schema(variables, objects)


def match_schema() -> Schema:
    """Return the facts of `match.when`: what is known before anything is fetched."""
    known = {name: member for name, member in _ASKED.items() if ("request", name) not in CONFIGURED}
    objects = {"image": _REFERENCE, "request": known}
    return Schema({"image": Member(_IMAGE, "V.image"), "request": Member(_REQUEST, "V.request")}, objects)
