"""Sign images: resolve each tag once, sign the digest, push the signature beside the image.

KEY is a name in the key ring, a file with a private key (PKCS#8 or cosign's), env://NAME, or a pkcs11: URI
(RFC 7512) of a key in a token, whose PIN comes from pin-source=, TRUSTKIT_PIN, or is asked for; or the URI of a key
in a service (awskms:, gcpkms:, azurekms:, hashivault:). The passphrase
of a file comes from TRUSTKIT_PASSWORD or COSIGN_PASSWORD, or is asked for. Or, with --identity-token, a
certificate authority vouches for whom the token names, and the key lives for one signature only.
With --format simple-signing, KEY is gpg:FINGERPRINT or a file with an OpenPGP secret key.
"""

import argparse
import os

from trustkit.cli.keyless_options import add_keyless_arguments
from trustkit.cli.keyless_signer import KeylessSigner
from trustkit.cli.notation_options import add_notation_arguments, require_notation
from trustkit.cli.output import as_json, print_place
from trustkit.cli.words import actor, annotations_of
from trustkit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's names."""
    parser.add_argument("image", nargs="+", metavar="IMAGE")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", metavar="KEY", help="the private key")
    who.add_argument("--identity-token", metavar="TOKEN", help="sign as whom this token names: a JWT, or a file")
    add_keyless_arguments(parser)
    parser.add_argument("--layout", choices=("bundle", "legacy"), default="bundle",
                        help="bundle: a referrer, as cosign 3; legacy: the .sig tag, as cosign 2")  # fmt: skip
    parser.add_argument("--format", choices=("cosign", "notation", "simple-signing"), default="cosign",
                        help="notation: Notary Project; simple-signing: GPG, for podman, skopeo and CRI-O")  # fmt: skip
    add_notation_arguments(parser)
    parser.add_argument("--sign-identity", metavar="REFERENCE", help="the name that a simple signature carries")
    parser.add_argument("-a", "--annotations", action="append", default=[], metavar="NAME=VALUE",
                        help="sign this annotation too; may repeat")  # fmt: skip
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Sign every image in turn. Raises KeyFileError, SourceError, CryptoError, AuditError."""
    from trustkit.cli.gpg_signer import GpgSigner
    from trustkit.cli.signer import Signer
    from trustkit.config import load

    require_notation(arguments)
    config = load(os.environ)
    if arguments.sign_identity and arguments.format != "simple-signing":
        raise UsageError("--sign-identity is about GPG signatures", next_step="add --format simple-signing")
    signer: Signer | KeylessSigner | GpgSigner
    if arguments.format == "simple-signing":
        signer = GpgSigner(config, arguments, actor())
    elif arguments.format == "notation":
        from trustkit.cli.notation_signer import NotationSigner

        signer = NotationSigner(config, arguments, actor())
    elif arguments.key is None:
        signer = KeylessSigner(config, arguments, actor())
    else:
        signer = Signer(config, arguments.key, actor())
    annotations = dict(annotations_of(arguments.annotations))
    signed = []
    for given in arguments.image:
        one = signer.sign(given, arguments.layout, annotations)
        signed.append(one)
        if arguments.output == "table":
            print(f"signed {one.image}\n  key        {one.key}\n  signature  {one.evidence}")
            print_place(getattr(one, "signed_in", None))
    if arguments.output == "json":
        as_json(signed)
    return 0
