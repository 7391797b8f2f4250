"""The module's own word on each service it did: read, believed only when it says yes, and counted."""

import shutil

import pytest

from peers.fips import fips_provider, installed_module, module_file
from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips import known_answers as known
from trustkit.fips.libcrypto import configuration, derivation, indicator
from trustkit.fips.libcrypto.fips_module import FipsModule
from trustkit.fips.libcrypto.indicator import Indicator


@pytest.fixture(name="lenient", scope="module")
def lenient_(tmp_path_factory: pytest.TempPathFactory) -> FipsModule:
    """The same module in a file of its own, its checks off: it does what is not approved, and says so."""
    folder = tmp_path_factory.mktemp("lenient")
    copy = folder / "lenient.so"
    shutil.copyfile(module_file(), copy)
    text = configuration.configuration(copy, bytes.fromhex(installed_module().mac))
    lines = [line for line in text.splitlines() if line.partition(" =")[0] not in configuration.CHECKS]
    path = folder / "openssl.cnf"
    path.write_text("\n".join(lines) + "\n")
    return FipsModule.load(path, copy)


def test_an_approved_service_passes_and_is_counted() -> None:
    module = fips_provider().module
    before = module.approved_services.get("HMAC", 0)
    module.hmac("sha256", known.HMAC_KEY, known.MESSAGE)
    assert module.approved_services["HMAC"] == before + 1


@pytest.mark.parametrize("service", ["AES-CBC", "AES-GCM", "AES-KWP", "PBKDF2", "HKDF", "ecdsa-p256-sha256"])
def test_the_indicator_is_read_for_each_service(service: str) -> None:
    crypto = fips_provider()
    key = crypto.generate("ecdsa-p256")
    trials = {
        "AES-CBC": lambda: crypto.encrypt_cbc(bytes(32), bytes(16), b""),
        "AES-GCM": lambda: crypto.seal(bytes(32), b"", b""),
        "AES-KWP": lambda: crypto.wrap(bytes(32), bytes(16), padded=True),
        "PBKDF2": lambda: crypto.derive(known.PASSPHRASE, known.SALT, known.ITERATIONS, 32),
        "HKDF": lambda: crypto.hkdf(known.HMAC_KEY, known.SALT, b"", 32),
        "ecdsa-p256-sha256": lambda: key.sign("ecdsa-p256-sha256", b""),
    }
    before = crypto.module.approved_services.get(service, 0)
    trials[service]()
    assert crypto.module.approved_services[service] == before + 1


def test_a_short_mac_key_that_the_module_takes_is_refused_by_its_indicator(lenient: FipsModule) -> None:
    with pytest.raises(AlgorithmNotApprovedError, match="service indicator"):
        lenient.hmac("sha256", bytes(8), known.MESSAGE)


def test_a_short_key_for_hkdf_is_refused_by_the_indicator(lenient: FipsModule) -> None:
    with pytest.raises(AlgorithmNotApprovedError, match="service indicator"):
        derivation.hkdf(lenient, bytes(8), b"", b"", 32)


def test_a_refused_service_is_not_counted(lenient: FipsModule) -> None:
    before = lenient.approved_services
    with pytest.raises(AlgorithmNotApprovedError):
        lenient.hmac("sha256", bytes(8), known.MESSAGE)
    assert lenient.approved_services == before


def test_a_context_that_says_nothing_is_not_approved() -> None:
    library = fips_provider().module.library
    context = library.made("EVP_CIPHER_CTX_new")
    try:
        with pytest.raises(AlgorithmNotApprovedError):
            Indicator(library).require(indicator.CIPHER, context, "AES-GCM")
    finally:
        library.call("EVP_CIPHER_CTX_free", context)
