"""One predicate of each type as its tools write it."""

from collections.abc import Mapping

SAMPLES: Mapping[str, object] = {
    "https://slsa.dev/provenance/v0.2": {
        "builder": {"id": "https://builder.example/b@v1"},
        "buildType": "https://builder.example/type@v1",
        "invocation": {
            "configSource": {
                "uri": "git+https://git.example/shop@refs/tags/v1",
                "digest": {"sha1": "aa" * 20},
                "entryPoint": "build.yaml",
            },
            "parameters": {"b": 1, "a": "x"},
        },
        "metadata": {
            "buildInvocationId": "17-1",
            "buildStartedOn": "2026-11-20T10:00:00Z",
            "buildFinishedOn": "2026-11-20T10:02:03.123456789Z",
            "completeness": {"parameters": True, "materials": True, "environment": False},
            "reproducible": False,
        },
        "materials": [{"uri": "git+https://git.example/shop@refs/tags/v1", "digest": {"sha1": "aa" * 20}}],
    },
    "https://slsa.dev/provenance/v1": {
        "buildDefinition": {
            "buildType": "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": "refs/tags/v1",
                    "repository": "https://git.example/shop",
                    "path": ".github/workflows/release.yml",
                }
            },
            "internalParameters": {"github": {"event_name": "push"}},
            "resolvedDependencies": [
                {"uri": "git+https://git.example/shop@refs/tags/v1", "digest": {"gitCommit": "bb" * 20}},
                {"uri": "pkg:docker/debian@12", "digest": {"sha256": "cc" * 32}},
            ],
        },
        "runDetails": {
            "builder": {"id": "https://git.example/.github/workflows/release.yml@refs/tags/v1"},
            "metadata": {"invocationId": "https://git.example/runs/1", "startedOn": "2026-11-20T10:00:00+01:00"},
        },
    },
    "https://slsa.dev/verification_summary/v1": {
        "verifier": {"id": "https://verifier.example/"},
        "timeVerified": "2026-11-20T10:00:00Z",
        "resourceUri": "oci://registry.example/shop/web",
        "policy": {"uri": "https://verifier.example/policy", "digest": {"sha256": "dd" * 32}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
        "slsaVersion": "1.0",
    },
    "https://spdx.dev/Document": {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "shop/web",
        "creationInfo": {"created": "2026-11-20T10:00:00Z", "creators": ["Tool: syft"]},
        "packages": [
            {
                "SPDXID": "SPDXRef-1",
                "name": "musl",
                "versionInfo": "1.2.5",
                "licenseConcluded": "NOASSERTION",
                "licenseDeclared": "MIT OR (GPL-2.0-only WITH Classpath-exception-2.0)",
                "checksums": [{"algorithm": "SHA256", "checksumValue": "ee" * 32}],
                "externalRefs": [
                    {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:musl"},
                    {"referenceType": "purl", "referenceLocator": "pkg:apk/alpine/musl@1.2.5"},
                ],
            }
        ],
    },
    "https://cyclonedx.org/bom": {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:0b8b2b44-6f0a-4d9e-9d34-4a4c1b0b7a10",
        "metadata": {"timestamp": "2026-11-20T10:00:00Z", "component": {"type": "container", "name": "shop/web"}},
        "components": [
            {
                "type": "library",
                "name": "outer",
                "version": "1",
                "purl": "pkg:npm/outer@1",
                "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "house licence"}}],
                "hashes": [{"alg": "SHA-256", "content": "ff" * 32}],
                "components": [{"type": "library", "name": "inner", "licenses": [{"expression": "Apache-2.0"}]}],
            }
        ],
    },
    "https://openvex.dev/ns/v0.2.0": {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://vex.example/1",
        "author": "psirt@shop.example",
        "timestamp": "2026-11-20T10:00:00Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-2026-0001", "aliases": ["GHSA-xxxx-yyyy-zzzz"]},
                "products": [{"@id": "pkg:oci/web", "subcomponents": [{"@id": "pkg:apk/alpine/musl"}]}],
                "status": "not_affected",
                "justification": "vulnerable_code_not_in_execute_path",
            },
            {"vulnerability": "CVE-2026-0002", "status": "fixed"},
        ],
    },
    "https://cosign.sigstore.dev/attestation/vuln/v1": {
        "invocation": {"parameters": None, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@0.60.0",
            "version": "0.60.0",
            "db": {"uri": "", "version": "2", "lastUpdate": "2026-11-20T06:00:00Z"},
            "result": {
                "SchemaVersion": 2,
                "ArtifactName": "shop/web",
                "Results": [
                    {"Target": "secrets"},
                    {
                        "Target": "debian 12",
                        "Vulnerabilities": [
                            {
                                "VulnerabilityID": "CVE-2026-0001",
                                "PkgName": "musl",
                                "InstalledVersion": "1.2.5",
                                "FixedVersion": "1.2.6",
                                "Severity": "CRITICAL",
                                "PublishedDate": "2026-11-01T00:15:08.5Z",
                            },
                            {"VulnerabilityID": "CVE-2026-0002", "PkgName": "zlib", "Severity": "weird"},
                        ],
                    },
                ],
            },
        },
        "metadata": {"scanStartedOn": "2026-11-20T09:59:00Z", "scanFinishedOn": "2026-11-20T10:00:00Z"},
    },
    "https://in-toto.io/attestation/vulns/v0.2": {
        "scanner": {
            "uri": "pkg:github/anchore/grype@0.90",
            "db": {"uri": "", "version": "6"},
            "result": [
                {
                    "id": "CVE-2026-0003",
                    "severity": [{"method": "CVSS_V3", "score": "7.5"}, {"method": "nvd", "score": "low"}],
                },
                {"id": "CVE-2026-0004", "severity": []},
            ],
        },
        "metadata": {"scanStartedOn": "2026-11-20T09:59:00Z", "scanFinishedOn": "2026-11-20T10:00:00Z"},
    },
    "https://in-toto.io/attestation/scai/attribute-report/v0.2": {
        "attributes": [
            {"attribute": "WITH_STACK_PROTECTION", "evidence": {"uri": "file:///log", "digest": {"sha256": "ab" * 32}}}
        ],
        "producer": {"uri": "https://compiler.example"},
    },
    "https://in-toto.io/attestation/test-result/v0.1": {
        "result": "PASSED",
        "configuration": [{"name": "tox.ini", "digest": {"sha256": "cd" * 32}}],
        "url": "https://ci.example/1",
        "passedTests": ["a", "b"],
    },
    "https://cosign.sigstore.dev/attestation/v1": {"Data": "any text", "Timestamp": "2026-11-20T10:00:00Z"},
    "https://trustkit.dev/attestation/content-trust-migration/v1": {
        "contentTrust": {
            "repository": "registry.example/shop/web",
            "tag": "v1",
            "root": {"version": 2, "digest": {"sha256": "ef" * 32}, "keys": ["01" * 32]},
            "role": {"name": "targets/releases", "version": 7, "digest": {"sha256": "01" * 32}, "keys": ["02" * 32]},
        },
        "signed": {"format": "notation", "key": "03" * 32},
        "verifiedAt": "2026-11-20T10:00:00Z",
    },
}

GENERATOR = (
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
    "generator_container_slsa3.yml@refs/tags/v2.1.0"
)
# A build of an image by a builder of level 3.
BUILT: dict[str, object] = {
    "buildDefinition": {
        "buildType": "https://build.example/type@v1",
        "externalParameters": {
            "workflow": {"repository": "https://github.com/corp/app", "ref": "refs/tags/v1", "path": "x.yml"}
        },
        "resolvedDependencies": [
            {"uri": "pkg:docker/registry.corp.example/base/distroless-static@12", "digest": {"sha256": "cc" * 32}}
        ],
    },
    "runDetails": {"builder": {"id": GENERATOR}, "metadata": {"finishedOn": "2026-11-23T20:00:00Z"}},
}
