"""Sign a statement about an image: an in-toto attestation with a predicate from a file.

TYPE is a URI or one of cosign's names: custom, slsaprovenance, slsaprovenance1, spdx, spdxjson,
cyclonedx, vuln, openvex, link; or of ours: vsa, vulns, scai, test-result. A predicate of one of these types, or of
its URI, has to look as its specification says; any JSON object will do under another URI. Several images become the
subjects of one statement, attached to each; several keys sign it: in one envelope with --layout legacy, else one
bundle each. With --identity-token, a
certificate authority vouches for whom the token names, and the key lives for one signature only.
"""

import argparse
import os
from pathlib import Path

from trustkit import limits
from trustkit.cli.keyless_options import add_keyless_arguments
from trustkit.cli.keyless_signer import KeylessSigner
from trustkit.cli.output import as_json, print_place
from trustkit.cli.words import actor
from trustkit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's names."""
    parser.add_argument("image", nargs="+", metavar="IMAGE")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", action="append", metavar="KEY", help="the private key; may repeat")
    who.add_argument("--identity-token", metavar="TOKEN", help="sign as whom this token names: a JWT, or a file")
    add_keyless_arguments(parser)
    parser.add_argument("--predicate", required=True, metavar="FILE", help="what is stated; - reads standard input")
    parser.add_argument("--type", default="custom", metavar="TYPE", help="the predicate's type")
    parser.add_argument("--layout", choices=("bundle", "legacy"), default="bundle",
                        help="bundle: a referrer, as cosign 3; legacy: the .att tag, as cosign 2")  # fmt: skip
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Attest. Raises KeyFileError, SourceError, CryptoError, AuditError, MalformedError."""
    from trustkit.cli.signer import Signer, open_private
    from trustkit.config import load

    config = load(os.environ)
    predicate = (arguments.type, _content(arguments.predicate))
    if arguments.key is None:
        if len(arguments.image) > 1:
            raise UsageError("without a key one image is attested at a time", next_step="give --key, or one image")
        signed = [KeylessSigner(config, arguments, actor()).attest(arguments.image[0], arguments.layout, predicate)]
    else:
        first, *more = dict.fromkeys(arguments.key)
        others = tuple(open_private(config, key) for key in more)
        signed = Signer(config, first, actor()).attest_all(arguments.image, others, arguments.layout, predicate)
    if arguments.output == "json":
        as_json(signed if len(signed) > 1 else signed[0])
        return 0
    for one in signed:
        print(f"attested {one.image}\n  key          {one.key}\n  attestation  {one.evidence}")
        print_place(one.signed_in)
    return 0


def _content(file: str) -> bytes:
    path = "/dev/stdin" if file == "-" else file
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(limits.ATTESTATION_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    if len(content) > limits.ATTESTATION_BYTES:
        raise UsageError(f"{file}: more than {limits.ATTESTATION_BYTES} bytes")
    return content
