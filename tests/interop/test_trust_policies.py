"""One trustpolicy.json and one trust store, given to the real notation and to `trustkit verify`: the same verdicts."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from peers import images
from peers.notation import Notation
from peers.processes import wait_until
from peers.registry import Registry, docker_registry
from peers.trustkit import Trustkit
from peers.web import serving
from trustkit.model.image import Descriptor
from trustkit.model.reference import ImageRef
from trustkit.oci.gather import gather
from trustkit.oci.open_source import open_repository
from trustkit.oci.push import push
from trustkit.oci.session import RegistryOptions
from trustkit.signing.format import Attachment
from trustkit.signing.formats.notation import NotationSignature

ENDS = timedelta(seconds=5)
STATES = ("good", "stranger", "other-subject", "lapsed", "ended", "revoked", "unknown", "spoiled", "unsigned")
LEVELS: Mapping[str, dict[str, object]] = {
    "strict": {"level": "strict"},
    "permissive": {"level": "permissive"},
    "audit": {"level": "audit"},
    "skip": {"level": "skip"},
    "strict, expiry logged": {"level": "strict", "override": {"expiry": "log"}},
    "strict, time logged": {"level": "strict", "override": {"authenticTimestamp": "log"}},
    "strict, revocation logged": {"level": "strict", "override": {"revocation": "log"}},
    "strict, revocation skipped": {"level": "strict", "override": {"revocation": "skip"}},
    "strict, authenticity logged": {"level": "strict", "override": {"authenticity": "log"}},
    "permissive, expiry enforced": {"level": "permissive", "override": {"expiry": "enforce"}},
    "permissive, time enforced": {"level": "permissive", "override": {"authenticTimestamp": "enforce"}},
    "permissive, revocation enforced": {"level": "permissive", "override": {"revocation": "enforce"}},
    "audit, authenticity enforced": {"level": "audit", "override": {"authenticity": "enforce"}},
    "timestamps always": {"level": "strict", "verifyTimestamp": "always"},
    "timestamps after the end": {"level": "strict", "verifyTimestamp": "afterCertExpiry"},
}


USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


class Authority:
    """Issues signing keys for notation, each with what the test wants to go wrong."""

    def __init__(self, folder: Path, lists_at: str) -> None:
        self._folder, self._lists_at = folder, lists_at
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate("root", self._key, days=30)
        self._rows: list[dict[str, str]] = []
        self.serials: dict[str, int] = {}
        self.ends = self.root.not_valid_after_utc

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, *, organisation: str = "acme", life: timedelta | None = None, listed: str = "") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._certificate(name, key, organisation=organisation, life=life, listed=listed)
        self.ends = min(self.ends, made.not_valid_after_utc)
        self.serials[name] = made.serial_number
        key_file, chain = self._folder / f"{name}.key", self._folder / f"{name}.pem"
        key_file.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ))  # fmt: skip
        chain.write_bytes(made.public_bytes(serialization.Encoding.PEM) + self.root_pem)
        self._rows.append({"name": name, "keyPath": str(key_file), "certPath": str(chain)})
        (self._folder / "signingkeys.json").write_text(json.dumps({"default": name, "keys": self._rows}))

    def revocation_list(self, name: str) -> bytes:
        now = datetime.now(UTC)
        revoked = x509.RevokedCertificateBuilder().serial_number(self.serials[name]).revocation_date(now).build()
        listed = x509.CertificateRevocationListBuilder().issuer_name(self.root.subject).last_update(now)
        listed = listed.next_update(now + timedelta(days=1)).add_revoked_certificate(revoked)
        listed = listed.add_extension(x509.CRLNumber(1), critical=False)
        return listed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _certificate(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, organisation: str = "acme", days: int = 20,
        life: timedelta | None = None, listed: str = "",
    ) -> x509.Certificate:  # fmt: skip
        parts = ((NameOID.COUNTRY_NAME, "US"), (NameOID.STATE_OR_PROVINCE_NAME, "WA"),
                 (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, name))  # fmt: skip
        subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
        is_root, now = name == "root", datetime.now(UTC)
        usage = dict.fromkeys(USAGES, False)
        usage |= {"key_cert_sign": True, "crl_sign": True} if is_root else {"digital_signature": True}
        made = x509.CertificateBuilder(
            subject if is_root else self.root.subject, subject, key.public_key(), x509.random_serial_number(),
            now - timedelta(minutes=1), now + (life or timedelta(days=days)),
        )  # fmt: skip
        made = made.add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        made = made.add_extension(x509.KeyUsage(**usage), critical=True)
        if not is_root:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        if listed:
            place = x509.UniformResourceIdentifier(f"{self._lists_at}/{listed}")
            points = x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)])
            made = made.add_extension(points, critical=False)
        return made.sign(self._key, hashes.SHA256())


class World:
    """An image in each state, and the real notation that made it so."""

    def __init__(self, registry: Registry, folder: Path, lists_at: str, lists: Path) -> None:
        self.notation = Notation(folder)
        self._registry = registry
        own, strange = Authority(self.notation.folder, lists_at), Authority(folder, lists_at)
        strange.issue("stranger")
        for name, more in (("good", {}), ("other-subject", {"organisation": "other"}), ("ended", {"life": ENDS}),
                           ("revoked", {"listed": "revoked.crl"}), ("unknown", {"listed": "none.crl"})):  # fmt: skip
            own.issue(name, **more)  # type: ignore[arg-type]
        (lists / "revoked.crl").write_bytes(own.revocation_list("revoked"))
        self.notation.put("ca", "acme", own.root_pem)
        self.notation.put("tsa", "stamps", own.root_pem)
        self.images = {name: self._push(name) for name in STATES}
        for name in ("good", "other-subject", "ended", "revoked", "unknown"):
            self.notation.sign(self.images[name], "--key", name)
        self.notation.sign(self.images["lapsed"], "--key", "good", "--expiry", "1s")
        self._with_keys_of(strange)
        self.notation.sign(self.images["stranger"], "--key", "stranger")
        self._spoil()
        wait_until(lambda: datetime.now(UTC) > own.ends, "the end of a certificate")

    def _push(self, name: str) -> str:
        return self._registry.reference(f"state/{name}", self._registry.push(images.build(), f"state/{name}", "v1"))

    def _with_keys_of(self, other: Authority) -> None:
        folder = other._folder
        (self.notation.folder / "signingkeys.json").write_bytes((folder / "signingkeys.json").read_bytes())

    def _spoil(self) -> None:
        """Give an image the good signature of another one, with a byte of it changed."""
        from_, to = (ImageRef.parse(self.images[name]) for name in ("good", "spoiled"))
        assert from_.digest
        (item,) = gather(from_.digest, NotationSignature.places, open_repository(from_, RegistryOptions())).items
        envelope = json.loads(item.content)
        envelope["signature"] = ("A" if envelope["signature"][0] != "A" else "B") + envelope["signature"][1:]
        place = open_repository(to, RegistryOptions())
        subject = place.manifest(to.at).descriptor
        attachment = Attachment(item.place, item.media_type, json.dumps(envelope).encode(), {},
                                config_type=item.artifact_type)  # fmt: skip
        push(attachment, Descriptor(subject.media_type, subject.digest, subject.size_bytes), place)

    def policy(self, verification: dict[str, object], **more: object) -> None:
        skips = verification["level"] == "skip"
        stores = ["ca:acme", "tsa:stamps"] if "verifyTimestamp" in verification else ["ca:acme"]
        nothing = {"trustStores": None, "trustedIdentities": None} if skips else {"trustStores": stores}
        self.notation.trust(**{"signatureVerification": verification, **nothing, **more})
        self.notation.put("ca", "acme", self.root)

    @property
    def root(self) -> bytes:
        return (self.notation.folder / "good.pem").read_bytes().partition(b"-----END CERTIFICATE-----\n")[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    lists = tmp_path_factory.mktemp("lists")
    with docker_registry() as registry, serving(lists) as url:
        yield World(registry, tmp_path_factory.mktemp("world"), url, lists)


def ours(trustkit: Trustkit, world: World, *more: str) -> list[dict[str, object]]:
    found = trustkit.json("verify", "--trust-policy", world.notation.policy_file, *more, *world.images.values())
    assert isinstance(found, list)
    return found


def verdicts(found: list[dict[str, object]]) -> dict[str, bool]:
    return {name: one["verdict"] == "allow" for name, one in zip(STATES, found, strict=True)}


@pytest.mark.parametrize("level", LEVELS)
def test_the_real_notation_and_trustkit_say_the_same(trustkit: Trustkit, world: World, level: str) -> None:
    world.policy(LEVELS[level])
    theirs = {name: world.notation.verify(image).status == 0 for name, image in world.images.items()}
    assert verdicts(ours(trustkit, world)) == theirs


@pytest.mark.parametrize(
    ("state", "level", "told"),
    [("lapsed", "permissive", "expiry: the signer limited"), ("ended", "permissive", "authenticTimestamp: "),
     ("revoked", "permissive", "revocation: certificate of"), ("stranger", "audit", "authenticity: no certificate"),
     ("other-subject", "audit", "authenticity: CN=other-subject")],
)  # fmt: skip
def test_what_is_not_enforced_is_told_and_on_record(
    trustkit: Trustkit, world: World, state: str, level: str, told: str
) -> None:
    world.policy(LEVELS[level])
    done = trustkit.run("verify", "--trust-policy", world.notation.policy_file, world.images[state])
    assert done.status == 0, done.said
    assert f"not enforced  {told}" in done.stdout
    (record,) = json.loads(trustkit.run("audit", "log", "--kind", "decision", "--output", "json").stdout)
    assert record["body"]["accepted"][0]["unenforced"][0].startswith(told)


def test_a_signer_that_no_store_vouches_for_has_no_name(trustkit: Trustkit, world: World) -> None:
    world.policy(LEVELS["audit"])
    found = dict(zip(STATES, ours(trustkit, world), strict=True))["stranger"]
    (signature,) = found["verified"]  # type: ignore[misc]
    assert signature["signer"]["trust_root"] == "x509:unauthenticated"
    assert signature["signer"]["subject"] == ""


def test_a_level_that_skips_says_that_nothing_was_looked_at(trustkit: Trustkit, world: World) -> None:
    world.policy(LEVELS["skip"])
    done = trustkit.run("verify", "--trust-policy", world.notation.policy_file, world.images["stranger"])
    assert done.status == 0
    assert "no signature was looked at" in done.stdout


def test_a_repository_without_a_statement_is_refused_by_both(trustkit: Trustkit, world: World) -> None:
    world.policy(LEVELS["audit"], registryScopes=["registry.example/other"])
    assert world.notation.verify(world.images["good"]).status != 0
    done = trustkit.run("verify", "--trust-policy", world.notation.policy_file, world.images["good"])
    assert done.status == 1
    assert "no policy speaks about" in done.said


def test_the_statement_that_names_the_repository_comes_before_the_one_for_all(trustkit: Trustkit, world: World) -> None:
    world.policy(LEVELS["strict"])
    (strict,) = json.loads(world.notation.policy_file.read_text())["trustPolicies"]
    name = world.images["stranger"].partition("@")[0]
    world.notation.policies([
        strict, {**strict, "name": "b", "registryScopes": [name], "signatureVerification": {"level": "audit"}},
    ])  # fmt: skip
    theirs = {name: world.notation.verify(image).status == 0 for name, image in world.images.items()}
    assert theirs["stranger"]
    assert not theirs["other-subject"]
    assert verdicts(ours(trustkit, world)) == theirs


@pytest.mark.parametrize(
    "changed",
    [
        {"signatureVerification": {"level": "lax"}},
        {"signatureVerification": {"level": "strict", "override": {"integrity": "log"}}},
        {"signatureVerification": {"level": "strict", "override": {"expiry": "skip"}}},
        {"signatureVerification": {"level": "strict", "override": {"expiry": "warn"}}},
        {"signatureVerification": {"level": "skip", "override": {"expiry": "log"}}},
        {"signatureVerification": {"level": "skip"}},
        {"signatureVerification": {"level": "strict", "verifyTimestamp": "never"}},
        {"registryScopes": []},
        {"registryScopes": ["*", "registry.example/a"]},
        {"registryScopes": ["registry.example/*"]},
        {"trustStores": []},
        {"trustStores": ["acme"]},
        {"trustStores": ["ca:../acme"]},
        {"trustStores": ["ca:none"]},
        {"trustedIdentities": []},
        {"trustedIdentities": ["*", "x509.subject: C=US, ST=WA, O=acme"]},
        {"trustedIdentities": ["x509.subject: C=US, O=acme"]},
        {"trustedIdentities": ["x509.subject: C=US, ST=WA, O=acme", "x509.subject: C=US, ST=WA, O=acme, OU=x"]},
        {"name": ""},
    ],
    ids=str,
)
def test_what_notation_does_not_load_nobody_verifies_with(
    trustkit: Trustkit, world: World, changed: dict[str, object]
) -> None:
    world.policy(LEVELS["strict"], **changed)
    assert world.notation.verify(world.images["good"]).status != 0
    done = trustkit.run("verify", "--trust-policy", world.notation.policy_file, world.images["good"])
    assert done.status == 2, done.said


@pytest.mark.parametrize("content", [b"nothing of the kind", b""])
def test_a_store_with_something_else_than_certificates_is_refused_by_both(
    trustkit: Trustkit, world: World, content: bytes
) -> None:
    world.policy(LEVELS["strict"])
    stray = world.notation.store / "x509" / "ca" / "acme" / "stray.pem"
    stray.write_bytes(content)
    try:
        assert world.notation.verify(world.images["good"]).status != 0
        done = trustkit.run("verify", "--trust-policy", world.notation.policy_file, world.images["good"])
        assert done.status == 2, done.said
    finally:
        stray.unlink()


def test_a_store_that_is_a_link_is_refused_by_both(trustkit: Trustkit, world: World, tmp_path: Path) -> None:
    world.policy(LEVELS["strict"], trustStores=["ca:linked"])
    link = world.notation.store / "x509" / "ca" / "linked"
    if not link.is_symlink():
        link.symlink_to(world.notation.store / "x509" / "ca" / "acme")
    assert world.notation.verify(world.images["good"]).status != 0
    done = trustkit.run("verify", "--trust-policy", world.notation.policy_file, world.images["good"])
    assert done.status == 2, done.said


def test_a_trust_policy_goes_with_no_other_trust(trustkit: Trustkit, world: World) -> None:
    world.policy(LEVELS["strict"])
    file = world.notation.policy_file
    assert trustkit.run("verify", "--trust-policy", file, "--key", "k", world.images["good"]).status == 2
    assert trustkit.run("verify", "--trust-store", world.notation.store, world.images["good"]).status == 2


def test_the_store_may_lie_elsewhere(trustkit: Trustkit, world: World, tmp_path: Path) -> None:
    world.policy(LEVELS["strict"])
    moved = tmp_path / "elsewhere.json"
    moved.write_bytes(world.notation.policy_file.read_bytes())
    assert trustkit.run("verify", "--trust-policy", moved, world.images["good"]).status == 2
    given = ("--trust-policy", moved, "--trust-store", world.notation.store)
    assert trustkit.run("verify", *given, world.images["good"]).status == 0
