"""The OpenSSL configuration under which a FIPS module runs: every check of its own on, its self-tests at each load.

`openssl fipsinstall` of OpenSSL 3.0 knows none of the later options, and may write `install-status`, which lets the
module skip its tests; so the file is written here. A module ignores the options it does not know (man 5 fips_config).
"""

from pathlib import Path

from trustkit.errors import ConfigError

# The key of the module's integrity check is public (OpenSSL, providers/fips/self_test.h: FIPS_KEY_STRING).
INTEGRITY_KEY = bytes.fromhex("f4556650ac31d35461610bac4ed81b1a181b2d8a43ea2854cbae22ca74560813")
CHECKS = (
    "conditional-errors",
    "security-checks",
    "no-short-mac",
    "drbg-no-trunc-md",
    "signature-digest-check",
    "hmac-key-check",
    "kmac-key-check",
    "ecdh-cofactor-check",
    "dsa-sign-disabled",
    "tdes-encrypt-disabled",
    "rsa-pkcs15-pad-disabled",
    "rsa-pss-saltlen-check",
    "rsa-sign-x931-pad-disabled",
    "pbkdf2-lower-bound-check",
    "tls1-prf-ems-check",
    "tls1-prf-key-check",
    "tls1-prf-digest-check",
    "tls13-kdf-key-check",
    "tls13-kdf-digest-check",
    "hkdf-key-check",
    "hkdf-digest-check",
    "kbkdf-key-check",
    "sshkdf-key-check",
    "sshkdf-digest-check",
    "sskdf-key-check",
    "sskdf-digest-check",
    "x942kdf-key-check",
    "x963kdf-key-check",
    "x963kdf-digest-check",
)
# SP 800-52 r2 3.3.1 and 3.4.2: TLS 1.2 and 1.3 with AES-GCM, NIST's curves, and no SHA-1.
SUITES = "ECDHE+AESGCM:@SECLEVEL=2"
_SIGNATURES = (
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512"
    ":rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512"
    ":rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512"
    ":rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"
)
GROUPS = ("P-256", "P-384")
_TLS = f"""MinProtocol = TLSv1.2
Groups = {":".join(GROUPS)}
SignatureAlgorithms = {_SIGNATURES}
CipherString = {SUITES}
Ciphersuites = TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256
"""
_UNWRITABLE = frozenset("\n\r#$;\\\"'`")


def configuration(module: Path, mac: bytes) -> str:
    """Return the file: fips and base providers, nothing else; `fips=yes` for whoever asks for no property.

    Raises ConfigError for a path that the file's syntax cannot hold.
    """
    if _UNWRITABLE & set(str(module)) or not module.is_absolute():
        raise ConfigError(f"{module}: not a path that an OpenSSL configuration can hold")
    checks = "".join(f"{name} = 1\n" for name in CHECKS)
    colons = mac.hex(":").upper()
    return (
        "# Written by trustkit fips install. The module tests itself at every load: there is no install-status.\n"
        "config_diagnostics = 1\nopenssl_conf = start\n\n"
        "[start]\nproviders = providers\nalg_section = algorithms\nssl_conf = tls\n\n"
        "[providers]\nfips = fips\nbase = base\n\n"
        "[base]\nactivate = 1\n\n"
        "[algorithms]\ndefault_properties = fips=yes\n\n"
        f"[tls]\nsystem_default = approved\n\n[approved]\n{_TLS}\n"
        f"[fips]\nmodule = {module}\nactivate = 1\nmodule-mac = {colons}\n{checks}"
    )
