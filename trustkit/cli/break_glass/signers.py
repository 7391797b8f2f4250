"""Who signs a grant: a key, or whom an identity token names."""

import argparse
from typing import Protocol

from trustkit.codec.grant import PREDICATE_TYPE, Requester
from trustkit.config import Config
from trustkit.errors import RefusedGrantError
from trustkit.fips.hashing import digest_of
from trustkit.signing.grant_file import GrantFile


class GrantSigner(Protocol):
    """One party."""

    @property
    def who(self) -> Requester:
        """What tells them from everybody else."""

    def bundle(self, grant: GrantFile) -> bytes:
        """Return their signature on the grant's statement. Raises CryptoError, KeyUnavailableError."""


def open_signer(config: Config, arguments: argparse.Namespace) -> GrantSigner:
    """Return who the options name. Raises KeyFileError, UsageError, KeyUnavailableError."""
    return _Keyless(config, arguments) if arguments.key is None else _Key(config, arguments.key)


class _Key:
    def __init__(self, config: Config, key: str) -> None:
        from trustkit.cli.signer import open_private

        self._key = open_private(config, key)

    @property
    def who(self) -> Requester:
        return Requester(self._key.public.fingerprint)

    def bundle(self, grant: GrantFile) -> bytes:
        from trustkit.signing.sign import signed_statement

        return signed_statement(grant.statement, PREDICATE_TYPE, self._key).content


class _Keyless:
    def __init__(self, config: Config, arguments: argparse.Namespace) -> None:
        from trustkit.cli.keyless_signer import keyless_by

        self._how = keyless_by(config, arguments)

    @property
    def who(self) -> Requester:
        """What the token says of itself; the certificate has to say the same."""
        from trustkit.signing.keyless_sign import claimed_identity

        subject, issuer = claimed_identity(self._how(digest_of(b"")))
        return Requester(issuer=issuer, subject=subject)

    def bundle(self, grant: GrantFile) -> bytes:
        from trustkit.signing.keyless_sign import state_keyless

        made = state_keyless((grant.statement, PREDICATE_TYPE), self._how(grant.image))
        signer, who = made.proven.identified.signer, self.who
        if (signer.subject, signer.issuer) != (who.subject, who.issuer):
            raise RefusedGrantError(
                f"the certificate is for {signer.subject} ({signer.issuer}), and the token says {who.subject}",
                next_step="check the identity token",
            )
        return made.attachment.content
