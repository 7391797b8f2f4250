"""Asking for a grant, and approving what somebody else asks for."""

import argparse
import os
from datetime import datetime, timedelta
from pathlib import Path

from trustkit import app
from trustkit.admission.grants import read_file
from trustkit.cli.break_glass.signers import open_signer
from trustkit.cli.break_glass.words import print_grant, print_json
from trustkit.cli.client.layouts import whole
from trustkit.cli.words import moment_of
from trustkit.codec.grant import ClaimedGrant
from trustkit.config import Config, load
from trustkit.durable import write_file
from trustkit.errors import RefusedGrantError, UsageError
from trustkit.fips.hashing import random_bytes
from trustkit.model.reference import ImageRef
from trustkit.policy.quantities import span
from trustkit.signing.grant_file import GrantFile, draft, signed
from trustkit.signing.sign import Subjected

_ID_BYTES = 8


def request(arguments: argparse.Namespace) -> int:
    """Write a grant, signed by the one who asks. Raises UsageError, SourceError, KeyFileError, CryptoError."""
    config = load(os.environ)
    file = Path(arguments.out).absolute()
    if file.exists():
        raise UsageError(f"{file}: already there", next_step="choose another name with -o")
    signer = open_signer(config, arguments)
    start = (moment_of(arguments.start) or app.now()).replace(microsecond=0)
    says = ClaimedGrant(
        id=random_bytes(_ID_BYTES).hex(),
        namespace=arguments.namespace,
        rules=tuple(dict.fromkeys(arguments.rule)),
        requester=signer.who,
        reason=arguments.reason,
        not_before=start,
        not_after=_end(start, arguments.span),
    )
    grant = draft(_image(config, arguments.image), says)
    return _write(signed(grant, signer.bundle(grant)), file, arguments, "requested")


def approve(arguments: argparse.Namespace) -> int:
    """Sign what somebody else asks for. Raises RefusedGrantError for one's own, and as `request`."""
    config = load(os.environ)
    file = Path(arguments.file).absolute()
    grant = read_file(file)
    if grant.ended(app.now()):
        raise RefusedGrantError(
            f"grant {grant.says.id} ended at {grant.says.not_after.isoformat()}", next_step="ask for a new one"
        )
    signer = open_signer(config, arguments)
    if signer.who.told_apart == grant.says.requester.told_apart:
        raise RefusedGrantError(
            f"grant {grant.says.id} is yours: who asks must not approve", next_step="let somebody else approve it"
        )
    return _write(signed(grant, signer.bundle(grant)), file, arguments, "approved")


def _write(grant: GrantFile, file: Path, arguments: argparse.Namespace, done: str) -> int:
    write_file(file, grant.to_bytes(), mode=0o644)
    if arguments.output == "json":
        print_json(grant, {"file": str(file)})
    else:
        print(f"{done} {file}")
        print_grant(grant)
    return 0


def _end(start: datetime, written: str) -> datetime:
    found = span(written)
    if found is None:
        raise UsageError(f"--for {written!r} is no span", next_step="write 30m or 4h")
    try:
        return start + timedelta(seconds=int(found.total_seconds()))
    except OverflowError as error:
        raise UsageError(
            f"--for {written!r} from {start:%Y-%m-%d} ends after 9999", next_step="name an earlier --from"
        ) from error


def _image(config: Config, given: str) -> Subjected:
    """Return the image's digest and name; with a digest in the reference nobody is asked. Raises SourceError."""
    ref = ImageRef.parse(whole(given))
    if ref.digest is not None:
        return Subjected(ref.digest, ref.name)
    return Subjected(app.Sources(config)(ref).manifest(ref.at).descriptor.digest, ref.name)
