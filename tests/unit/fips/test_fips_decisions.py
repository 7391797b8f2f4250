"""Pure decisions of FIPS mode: whether it is on, who may do what, and whether a module is validated."""

from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from peers.fips import fips_provider, module_file
from trustkit.errors import AlgorithmNotApprovedError, ConfigError, SelfTestError
from trustkit.fips import approved, installation, validated
from trustkit.fips.algorithms import ALGORITHMS
from trustkit.fips.approved import FIPS_PROVIDER, OPERATIONS, Refusal
from trustkit.fips.libcrypto.configuration import CHECKS, configuration
from trustkit.fips.mode import MODES, Asked, effective
from trustkit.fips.probes import run
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.fips.validated import Certificate

HASH = "ab" * 32
TODAY = date(2026, 11, 24)
CERTIFICATE = Certificate("9999", "FIPS 140-3", "Module", "3.1.2", "active", date(2030, 1, 1), (HASH,), ("debian-12",))


# --- mode


@pytest.mark.parametrize(
    ("configured", "variable", "kernel", "mode"),
    [
        ("off", "", False, "off"),
        ("off", "1", False, "module"),
        ("off", "", True, "module"),
        ("module", "", False, "module"),
        ("module", "validated", False, "validated"),
        ("validated", "", True, "validated"),
        ("validated", "validated", False, "validated"),
    ],
)
def test_whoever_asks_for_most_decides(configured: str, variable: str, kernel: bool, mode: str) -> None:
    assert effective(Asked((configured,), variable, kernel)) == mode


@pytest.mark.parametrize(
    ("configured", "variable", "kernel"),
    [
        ("module", "0", False),
        ("module", "off", False),
        ("validated", "1", False),
        ("validated", "module", False),
        ("off", "0", True),
        ("off", "false", True),
    ],
)
def test_a_variable_cannot_lower_the_mode(configured: str, variable: str, kernel: bool) -> None:
    with pytest.raises(ConfigError, match="asks for less"):
        effective(Asked((configured,), variable, kernel))


@pytest.mark.parametrize(("configured", "variable"), [("on", ""), ("", ""), ("off", "maybe"), ("FIPS", "")])
def test_unknown_words_are_not_off(configured: str, variable: str) -> None:
    with pytest.raises(ConfigError):
        effective(Asked((configured,), variable, kernel=False))


# --- who may do what


def test_selection_is_total() -> None:
    names = [*ALGORITHMS, "sha256", "md5", "sha1", "scrypt", "x25519", "", "pbkdf2-hmac-sha256"]
    for mode, operation, name in product(MODES, (*OPERATIONS, "wrap"), names):
        answer = approved.select(mode, operation, name, provider="openssl", version=(3, 5, 9))
        assert isinstance(answer, str | Refusal)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mode", ["module", "validated"])
def test_in_fips_mode_nobody_but_the_module_is_selected(mode: str, operation: str) -> None:
    names = [*ALGORITHMS, "sha256", "md5", "pbkdf2-hmac-sha256", "aes-cbc", "ctr-drbg"]
    answers = {approved.select(mode, operation, name, provider="pyca", version=(3, 5)) for name in names}
    assert {answer for answer in answers if isinstance(answer, str)} == {FIPS_PROVIDER}


@pytest.mark.parametrize(
    ("operation", "algorithm"),
    [
        ("hash", "md5"), ("hash", "sha1"), ("hmac", "md5"), ("verify", "rsa-pkcs1v15-sha1"),
        ("sign", "ecdsa-secp256k1-sha256"), ("verify", "ed25519ph"), ("derive", "scrypt"),
        ("encrypt", "xsalsa20-poly1305"), ("random", "urandom"), ("wrap", "aes-cbc"),
        ("encrypt", "aes-ecb"), ("derive", "hkdf-hmac-sha1"),
    ],
)  # fmt: skip
def test_what_is_not_approved_is_refused_with_its_publication(operation: str, algorithm: str) -> None:
    answer = approved.select("module", operation, algorithm, provider="openssl", version=(3, 5, 9))
    assert isinstance(answer, Refusal)
    assert answer.publication


def test_eddsa_is_refused_in_modules_whose_policies_do_not_approve_it() -> None:
    assert isinstance(approved.select("module", "verify", "ed25519", provider="", version=(3, 1, 2)), Refusal)


# --- validated or not


def matched(certificate: Certificate = CERTIFICATE, **changes: object) -> validated.Match:
    asked = {"version": "3.1.2", "sha256": HASH, "environment": "debian-12", "today": TODAY, **changes}
    return validated.match((certificate,), **asked)  # type: ignore[arg-type]


def test_a_file_of_an_active_certificate_on_its_system_is_validated() -> None:
    assert matched().validated


@pytest.mark.parametrize(
    ("certificate", "changes"),
    [
        (CERTIFICATE, {"version": "3.1.3"}),
        (CERTIFICATE, {"sha256": "cd" * 32}),
        (CERTIFICATE, {"environment": "debian-13"}),
        (CERTIFICATE, {"today": date(2030, 1, 2)}),
        (CERTIFICATE._replace(status="historical"), {}),
        (CERTIFICATE._replace(status="revoked"), {}),
        (CERTIFICATE._replace(sha256=()), {}),
        (CERTIFICATE._replace(environments=()), {}),
    ],
)
def test_anything_less_is_not_validated(certificate: Certificate, changes: dict[str, object]) -> None:
    found = matched(certificate, **changes)
    assert not found.validated
    assert found.reason


def test_the_shipped_list_validates_no_file_by_its_version_alone() -> None:
    shipped = validated.read(validated.SHIPPED)
    assert shipped
    assert all(item.sha256 == () for item in shipped)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"certificates": [{}]}', b'{"certificates": {}}', b"[" * 10_000])
def test_a_broken_list_is_an_error_and_not_an_empty_list(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(ConfigError):
        validated.read(tmp_path / "list.json")


def test_debian_s_module_is_not_validated_and_mode_validated_refuses_it(tmp_path: Path) -> None:
    assert not fips_provider().status().validated
    installed = fips_provider().installation
    wanted = Certificate("1", "FIPS 140-3", "M", "3.5.9", "historical", date(2030, 1, 1), (installed.sha256,), ())
    found = validated.match((wanted,), version="3.5.9", sha256=installed.sha256, environment="debian-12", today=TODAY)
    assert not found.validated


# --- what is installed


@pytest.fixture(name="installed")
def installed_(tmp_path: Path) -> installation.Installation:
    return installation.install(module_file(), tmp_path / "fips")


@pytest.mark.parametrize("name", [installation.MODULE, installation.CONFIGURATION, installation.RECORD])
@pytest.mark.parametrize("change", [lambda _: b"", lambda content: content[:-1], lambda content: b"\0" + content[1:]])
def test_a_changed_file_of_the_installation_is_refused(
    installed: installation.Installation, name: str, change: Callable[[bytes], bytes]
) -> None:
    path = installed.folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(SelfTestError):
        installation.read(installed.folder)


def test_a_removed_module_is_refused(installed: installation.Installation) -> None:
    installed.module.unlink()
    with pytest.raises(SelfTestError):
        installation.read(installed.folder)


def test_the_configuration_turns_every_check_on_and_never_skips_a_test() -> None:
    text = configuration(Path("/opt/m/fips.so"), bytes(32))
    assert all(f"\n{name} = 1\n" in text for name in CHECKS)
    assert "install-status" not in text.replace("# Written", "").partition("\n")[2]
    assert "default = default" not in text


@pytest.mark.parametrize(
    "path", ["/a\nb/fips.so", "relative/fips.so", "/a;b/fips.so", "/a#b/fips.so", "/$HOME/fips.so"]
)
def test_a_path_that_could_add_lines_to_the_configuration_is_refused(path: str) -> None:
    with pytest.raises(ConfigError):
        configuration(Path(path), bytes(32))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELG"])
def test_what_is_no_library_is_not_installed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fips.so").write_bytes(content)
    with pytest.raises(ConfigError):
        installation.install(tmp_path / "fips.so", tmp_path / "fips")
    assert not (tmp_path / "fips").exists()


# --- the module itself


def test_every_probe_goes_as_it_should() -> None:
    provider = fips_provider()
    assert [probe for probe in run(provider, provider.module) if not probe.holds] == []


@pytest.mark.parametrize("count", [0, 1, 8, 13])
def test_a_short_mac_key_is_refused(count: int) -> None:
    with pytest.raises(AlgorithmNotApprovedError, match="SP 800-131A"):
        fips_provider().hmac("sha256", bytes(count), b"")


@pytest.mark.parametrize(("salt", "iterations"), [(bytes(8), 1000), (bytes(16), 999), (b"", 1000)])
def test_a_weak_derivation_of_a_key_is_refused(salt: bytes, iterations: int) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        fips_provider().derive(b"a passphrase", salt, iterations, 32)


def test_the_module_s_tests_run_again_when_asked() -> None:
    assert len(fips_provider().require_self_test()) == len(fips_provider().self_tests) > 30


def test_the_provider_offers_no_signatures_over_a_bare_digest() -> None:
    assert not hasattr(OsslFipsProvider, "verify_digest")
