"""Pure decisions of FIPS mode: whether it is on, who may do what, and whether a module is validated."""

import json
import os
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
from trustkit.fips.host import Host, measured, processor
from trustkit.fips.libcrypto.configuration import CHECKS, configuration
from trustkit.fips.mode import MODES, Asked, effective
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.fips.validated import Certificate, Environment

HASH = "ab" * 32
TODAY = date(2026, 11, 24)
HOST = Host("debian-12", "x86_64", "6.1.0-13-amd64", "Intel(R) Xeon(R) Gold 6330", ("aes", "avx2"))
TESTED = Environment("debian-12", "x86_64")
CERTIFICATE = Certificate("9999", "FIPS 140-3", "Module", "3.1.2", "active", date(2030, 1, 1), (HASH,), (TESTED,))


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
    assert effective(Asked((configured,), {"TRUSTKIT_FIPS": variable}, kernel)) == mode


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
        effective(Asked((configured,), {"TRUSTKIT_FIPS": variable}, kernel))


BOTH = ("TRUSTKIT_FIPS", "TRUSTKIT_FIPS_MODE")


@pytest.mark.parametrize("names", [BOTH, BOTH[::-1]])
@pytest.mark.parametrize(
    ("values", "who"),
    [
        (("1", "validated"), "validated"),
        (("module", "validated"), "validated"),
        (("0", "module"), "module"),
        (("off", "1"), "module"),
    ],
)
def test_no_variable_hides_what_another_asks_for(names: tuple[str, str], values: tuple[str, str], who: str) -> None:
    less, more = names
    with pytest.raises(ConfigError, match=f"{less}={values[0]} asks for less than {more} requires .{who}"):
        effective(Asked(("off",), dict(zip(names, values, strict=True)), kernel=False))


@pytest.mark.parametrize(("one", "other"), [("1", "module"), ("validated", "validated"), ("", "module"), ("0", "off")])
def test_variables_that_agree_are_one(one: str, other: str) -> None:
    modes = {effective(Asked(("off",), dict(zip(BOTH, values, strict=True)), False)) for values in (
        (one, other), (other, one), ("", other), (other, ""),
    )}  # fmt: skip
    assert modes == {other}


@pytest.mark.parametrize("name", BOTH)
def test_an_unknown_word_is_not_off_in_any_variable(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is 'maybe'"):
        effective(Asked(("off",), {**dict.fromkeys(BOTH, "1"), name: "maybe"}, kernel=False))


@pytest.mark.parametrize(("configured", "variable"), [("on", ""), ("", ""), ("off", "maybe"), ("FIPS", "")])
def test_unknown_words_are_not_off(configured: str, variable: str) -> None:
    with pytest.raises(ConfigError):
        effective(Asked((configured,), {"TRUSTKIT_FIPS": variable}, kernel=False))


# --- who may do what


NAMES = (*ALGORITHMS, *approved.SERVICES, "md5", "sha1", "scrypt", "x25519", "", "pbkdf2-hmac-sha256")
NEW, OLD = approved.services(approved.OPENSSL, (3, 5, 9)), approved.services(approved.OPENSSL, (3, 1, 2))
MODULES = (
    NEW,
    OLD,
    approved.services("Red Hat Enterprise Linux 9 - OpenSSL FIPS Provider", (3, 5, 1)),
    approved.services("", ()),
    approved.services(approved.OPENSSL, (3, 5, 9), certified=("sha256", "ecdsa"), number="1"),
    approved.Services(frozenset(), "nobody"),
)


@pytest.mark.parametrize("known", MODULES, ids=lambda one: one.source)
def test_selection_is_total(known: approved.Services) -> None:
    for mode, operation, name in product(MODES, (*OPERATIONS, "wrap"), NAMES):
        answer = approved.select(mode, operation, name, provider="openssl", known=known)
        assert answer == "openssl" if mode == "off" else answer == FIPS_PROVIDER or isinstance(answer, Refusal)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mode", ["module", "validated"])
def test_in_fips_mode_nobody_but_the_module_is_selected(mode: str, operation: str) -> None:
    answers = {approved.select(mode, operation, name, provider="pyca", known=NEW) for name in NAMES}
    assert {answer for answer in answers if isinstance(answer, str)} == {FIPS_PROVIDER}


@pytest.mark.parametrize(
    ("operation", "algorithm"),
    [
        ("hash", "md5"), ("hash", "sha1"), ("hmac", "md5"), ("verify", "rsa-pkcs1v15-sha1"),
        ("sign", "ecdsa-secp256k1-sha256"), ("verify", "ed25519ph"), ("derive", "scrypt"),
        ("encrypt", "xsalsa20-poly1305"), ("random", "urandom"), ("wrap", "aes-cbc"),
        ("encrypt", "aes-ecb"), ("derive", "hkdf-hmac-sha1"), ("verify", "sha256"), ("verify", "ecdsa"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", [NEW, OLD], ids=lambda one: one.source)
def test_what_is_not_approved_is_refused_with_its_publication(
    operation: str, algorithm: str, known: approved.Services
) -> None:
    answer = approved.select("module", operation, algorithm, provider="openssl", known=known)
    assert isinstance(answer, Refusal)
    assert answer.publication


@pytest.mark.parametrize("algorithm", ["ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])
@pytest.mark.parametrize("known", MODULES[1:], ids=lambda one: one.source)
def test_what_a_module_s_policy_does_not_list_is_refused_by_its_name(known: approved.Services, algorithm: str) -> None:
    answer = approved.select("module", "verify", algorithm, provider="", known=known)
    assert isinstance(answer, Refusal)
    assert known.source in answer.publication
    assert algorithm not in approved.approved_signatures(known)


def test_a_certificate_s_own_list_replaces_the_table() -> None:
    known = approved.services(approved.OPENSSL, (3, 5, 9), certified=("sha256", "eddsa", "md5"), number="9")
    assert known == approved.Services(frozenset({"sha256", "eddsa"}), "certificate #9")
    assert approved.approved_signatures(known) == ("ed25519",)


def test_a_module_without_its_certificate_s_algorithm_does_nothing_of_it() -> None:
    assert approved.select("module", "sign", "rsa-pss-sha256", provider="", known=MODULES[4]) != FIPS_PROVIDER
    assert approved.select("module", "sign", "ecdsa-p256-sha256", provider="", known=MODULES[4]) == FIPS_PROVIDER


# --- validated or not


def matched(certificate: Certificate = CERTIFICATE, **changes: object) -> validated.Match:
    asked = {"version": "3.1.2", "sha256": HASH, "host": HOST, "today": TODAY, **changes}
    return validated.match((certificate,), **asked)  # type: ignore[arg-type]


def test_a_file_of_an_active_certificate_on_its_system_is_validated() -> None:
    assert matched().validated


@pytest.mark.parametrize(
    ("certificate", "changes"),
    [
        (CERTIFICATE, {"version": "3.1.3"}),
        (CERTIFICATE, {"sha256": "cd" * 32}),
        (CERTIFICATE, {"host": HOST._replace(os="debian-13")}),
        (CERTIFICATE, {"host": HOST._replace(machine="aarch64")}),
        (CERTIFICATE, {"host": Host("debian-12")}),
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


@pytest.mark.parametrize(
    ("tested", "fits"),
    [
        (TESTED._replace(kernel="6.1"), True),
        (TESTED._replace(kernel="6.1.0-13-amd64"), True),
        (TESTED._replace(kernel="6"), True),
        (TESTED._replace(kernel="6.1.0-1"), False),
        (TESTED._replace(kernel="5.14"), False),
        (TESTED._replace(cpu="Xeon(R) Gold"), True),
        (TESTED._replace(cpu="EPYC"), False),
        (TESTED._replace(paa=("aes",)), True),
        (TESTED._replace(paa=("aes", "sha_ni")), False),
    ],
)
def test_an_environment_fits_by_all_that_its_security_policy_says(tested: Environment, fits: bool) -> None:
    assert matched(CERTIFICATE._replace(environments=(tested,))).validated == fits


def test_an_update_that_the_vendor_submitted_is_called_that_and_not_validated() -> None:
    found = matched(CERTIFICATE._replace(sha256=(), update_stream=(HASH,)), version="3.1.9")
    assert (found.validated, found.standing) == (False, "update stream")
    assert "#9999" in found.reason


def test_the_processor_is_the_first_of_cpuinfo() -> None:
    text = "model name\t: One\nflags\t\t: fpu aes sha_ni\n\nmodel name\t: Two\nflags : vaes\n"
    assert processor(text) == ("One", ("aes", "sha_ni"))
    assert processor("Features\t: fp asimd aes pmull sha2\n") == ("", ("aes", "asimd", "pmull", "sha2"))
    assert processor("") == ("", ())


def test_this_machine_says_what_it_is() -> None:
    found = measured()
    assert (found.machine, found.kernel) == (os.uname().machine, os.uname().release)
    assert "-" in found.os


def test_the_shipped_list_validates_no_file_by_its_version_alone() -> None:
    shipped = validated.read(validated.SHIPPED)
    assert shipped
    assert all(item.sha256 == () for item in shipped)


def listed(**changes: object) -> bytes:
    row = {**json.loads(validated.SHIPPED.read_text())["certificates"][0], **changes}
    return json.dumps({"certificates": [row]}).encode()


BROKEN_ROWS = [
    listed(algorithms=["md5"]), listed(level=5), listed(level=True), listed(unknown=1), listed(sunset="soon"),
    listed(environments=["debian-12"]), listed(environments=[{"os": "debian-12"}]),
    listed(environments=[{"os": "a", "machine": "b", "arch": "c"}]), listed(sha256="ab"),
]  # fmt: skip


def test_the_rows_that_are_broken_here_are_sound_without_it(tmp_path: Path) -> None:
    environment = {"os": "debian-12", "machine": "x86_64", "paa": ["aes"]}
    (tmp_path / "list.json").write_bytes(listed(environments=[environment], level=1))
    assert validated.read(tmp_path / "list.json")[0].environments == (TESTED._replace(paa=("aes",)),)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"certificates": [{}]}', b'{"certificates": {}}', b"[" * 10_000, *BROKEN_ROWS]
)
def test_a_broken_list_is_an_error_and_not_an_empty_list(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(ConfigError):
        validated.read(tmp_path / "list.json")


def test_debian_s_module_is_not_validated_and_mode_validated_refuses_it(tmp_path: Path) -> None:
    assert not fips_provider().status().validated
    installed = fips_provider().installation
    wanted = Certificate("1", "FIPS 140-3", "M", "3.5.9", "historical", date(2030, 1, 1), (installed.sha256,), ())
    found = validated.match((wanted,), version="3.5.9", sha256=installed.sha256, host=HOST, today=TODAY)
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
