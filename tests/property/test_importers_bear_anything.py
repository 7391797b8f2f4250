"""Importers raise only our errors; what they make is YAML of ours, and loads or is refused before it is written."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit.errors import TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.policy.importing.convert import convert, to_yaml
from trustkit.policy.parse import parse
from trustkit.policy.yaml_reader import documents

from datetime import UTC, datetime  # isort: skip

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
KEYLESS = {"issuer": "https://i.example", "subjectRegExp": "^https://github.com/.*$"}
SAMPLES: list[object] = [
    {
        "default": [{"type": "reject"}],
        "transports": {
            "docker": {
                "r.example/team": [{"type": "sigstoreSigned", "keyPath": "k.pub"}],
                "*.example": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "k.gpg"}],
                "r.example/team/app:1": [{"type": "insecureAcceptAnything"}],
            }
        },
    },
    {
        "version": "1.0",
        "trustPolicies": [
            {
                "name": "a",
                "registryScopes": ["r.example/app"],
                "signatureVerification": {"level": "strict", "override": {"expiry": "log"}},
                "trustStores": ["ca:acme", "tsa:t"],
                "trustedIdentities": ["x509.subject: C=US, O=acme"],
            }
        ],
    },
    {
        "kind": "ClusterImagePolicy",
        "metadata": {"name": "c"},
        "spec": {
            "images": [{"glob": "r.example/**"}],
            "authorities": [
                {"key": {"data": PEM}},
                {"keyless": {"identities": [KEYLESS]}, "attestations": [{"name": "a", "predicateType": "vuln"}]},
            ],
        },
    },
    {
        "kind": "ClusterPolicy",
        "metadata": {"name": "k"},
        "spec": {
            "rules": [
                {
                    "name": "r",
                    "verifyImages": [
                        {
                            "imageReferences": ["r.example/*"],
                            "skipImageReferences": ["r.example/x*"],
                            "attestors": [
                                {"count": 1, "entries": [{"keys": {"publicKeys": PEM}}, {"keyless": KEYLESS}]}
                            ],
                            "attestations": [{"type": "t", "attestors": [{"entries": [{"keyless": KEYLESS}]}]}],
                        }
                    ],
                }
            ]
        },
    },
    {
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": "i"},
        "spec": {
            "matchImageReferences": [{"glob": "r.example/*"}],
            "attestors": [{"name": "one", "cosign": {"key": {"data": PEM}}}],
            "validations": [
                {"expression": "images.containers.map(i, verifyImageSignatures(i, [attestors.one])).all(e, e > 0)"}
            ],
        },
    },
    {
        "validators": [
            {"name": "default", "type": "cosign", "trustRoots": [{"name": "default", "key": PEM}]},
            {"name": "allow", "type": "static", "approve": True},
        ],
        "policy": [{"pattern": "*:*"}, {"pattern": "r.example/*:*", "validator": "allow"}],
    },
]
odd = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 2**62), st.text(max_size=20), st.just("*"), st.just("a/**/b*c:d@e"),
    st.just([]), st.just({}), st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4)),
)  # fmt: skip


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, member in inner for found in places(member, (*path, name)))]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    value = json.loads(json.dumps(draw(st.sampled_from(SAMPLES))))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(value)[1:] or [()]))
        if not path:
            break
        holder = value
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = draw(odd)
    return json.dumps(value).encode()


@settings(max_examples=300, deadline=None)
@given(st.one_of(mutated(), st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_an_import_loads_or_is_refused_by_our_error(content: bytes) -> None:
    imported = None
    with contextlib.suppress(TrustkitError):
        imported = convert(content, "x", NOW)
    if imported is not None:
        text = to_yaml(imported, "x").encode()
        # what was made is YAML of ours, whatever was in it
        assert documents(text, "x")
        with contextlib.suppress(TrustkitError):
            parse(text, file="x", load_key=str.encode, digest=digest_of, fingerprint=lambda pem: digest_of(pem).hex)
