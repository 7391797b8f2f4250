"""Verify a file against a sigstore bundle, without a network: by a key, or by whom the certificate names.

FILE may be `sha256:HEX` where only the digest is at hand. Without --trusted-root, sigstore's public root is
used for certificates; with it, log entries and timestamps beside a key's signature are checked too.
"""

import argparse
import os
from pathlib import Path

from trustkit import limits
from trustkit.cli.identities import add_identity_arguments, bounded_content, require_identity, root_content, trusted_by
from trustkit.cli.output import as_json, mark, plain
from trustkit.cli.words import digest_of
from trustkit.config import Config
from trustkit.errors import UsageError
from trustkit.model.crypto import ModuleStatus
from trustkit.model.digest import Digest
from trustkit.policy.trusted import PolicyRoot
from trustkit.signing.blob import Blob, SignedBlob
from trustkit.signing.trust.roots import TrustRoots

# Larger files are checked by their digests alone, which Ed25519 signatures cannot be.
_IN_MEMORY_BYTES = 256 * 1024 * 1024
_CHUNK = 1024 * 1024
_DIGESTS = ("sha256", "sha384", "sha512")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's names."""
    parser.add_argument("file", metavar="FILE", help="the file, or sha256:HEX")
    parser.add_argument("--bundle", required=True, metavar="FILE", help="the sigstore bundle")
    parser.add_argument("--key", metavar="KEY", help="trust this public key: a name in the key ring, or a file")
    add_identity_arguments(parser)
    parser.add_argument("--insecure-ignore-tlog", action="store_true",
                        help="take a certificate's signature that is in no transparency log")  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="accepted for cosign's sake: nothing is ever asked")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Verify. Raises UsageError, KeyFileError, VerificationError, MalformedError, AlgorithmNotApprovedError."""
    from trustkit.app import now, open_crypto
    from trustkit.config import load
    from trustkit.signing.blob import verify_blob
    from trustkit.signing.format import Check

    config = load(os.environ)
    identities, roots = trusted_by(arguments, config)
    if (arguments.key is None) == (not identities):
        raise UsageError(
            "say whom you trust: a key or an identity",
            next_step="give --key, or --certificate-identity and --certificate-oidc-issuer",
        )
    bundle = bounded_content(Path(arguments.bundle), limits.ATTESTATION_BYTES)
    blob = blob_of(arguments.file)
    check = Check(blob.digests[0], _roots(arguments, roots, config), open_crypto(config), now())
    found = verify_blob(blob, bundle, check)
    for identity in identities:
        require_identity(identity, found.identified.signer)
    _show(arguments, found, check.crypto.status())
    return 0


def blob_of(given: str) -> Blob:
    """Return the file's digests and, unless it is large, its bytes. Raises UsageError."""
    from trustkit.fips.hashing import hasher

    if given.startswith("sha256:") and not Path(given).exists():
        return Blob((digest_of(given),))
    running = {name: hasher(name) for name in _DIGESTS}
    kept: list[bytes] | None = []
    size = 0
    try:
        with Path(given).open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                for one in running.values():
                    one.update(chunk)
                if kept is not None:
                    kept.append(chunk)
                if size > _IN_MEMORY_BYTES:
                    kept = None
    except OSError as error:
        raise UsageError(f"{given}: {(error.strerror or str(error)).lower()}", next_step="check the path") from error
    digests = tuple(Digest(name, one.digest().hex()) for name, one in running.items())
    return Blob(digests, None if kept is None else b"".join(kept))


def _roots(arguments: argparse.Namespace, roots: tuple[PolicyRoot, ...], config: Config) -> TrustRoots:
    from trustkit.app import in_force, public_keys
    from trustkit.fips.parse import public_key_from_pem
    from trustkit.signing.trust.files import root_from_file
    from trustkit.signing.trust.roots import TrustedKey

    keys: tuple[TrustedKey, ...] = ()
    if arguments.key is not None:
        found = public_keys(config, [arguments.key])
        keys = tuple(TrustedKey(f"key:{name}", public_key_from_pem(pem)) for name, pem in found.items())
    trust = in_force(config, TrustRoots(keys))
    if roots:
        root = root_from_file(roots[0].content, roots[0].name)
    elif arguments.trusted_root:
        root = root_from_file(root_content(arguments.trusted_root, config), "sigstore")
    else:
        return trust
    if arguments.insecure_ignore_tlog:
        root = root._replace(log_required=False)
    return trust._replace(sigstore=(root,))


def _show(arguments: argparse.Namespace, found: SignedBlob, crypto: ModuleStatus) -> None:
    if arguments.output == "json":
        as_json({"file": arguments.file, "verdict": "verified", **found._asdict(), "crypto": crypto})
        return
    signer = found.identified.signer
    print(f"{plain(arguments.file)}  {mark('verified', good=True)}\n{found.digest}")
    if found.statement:
        print(f"  attested   {plain(found.statement.predicate_type)}")
    print(f"  signer     {plain(signer.subject or signer.trust_root)}  key {signer.fingerprint[:16]}…")
    if signer.issuer:
        print(f"  issuer     {plain(signer.issuer)}")
    when = found.identified.signed_at
    print(
        f"  when       {when.isoformat()} ({found.identified.time_source})" if when else "  when       no proven time"
    )
    if found.identified.log:
        print(f"  log        {plain(found.identified.log)}")
    print(f"  checked by {plain(crypto.words)}, {crypto.standing}")
