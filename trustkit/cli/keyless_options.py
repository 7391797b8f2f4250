"""The options of signing without a key; apart, so that help needs nothing else of it."""

import argparse


def add_signer_arguments(parser: argparse.ArgumentParser, *, key_help: str) -> None:
    """Declare who signs: a key, or whom a token names."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", metavar="KEY", help=key_help)
    who.add_argument("--identity-token", metavar="TOKEN", help="sign as whom this token names: a JWT, or a file")
    add_keyless_arguments(parser)


def add_keyless_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's options for signing without a key."""
    add = parser.add_argument
    add("--fulcio-url", metavar="URL", help="certificate authority; default: sigstore's public one")
    add("--rekor-url", metavar="URL", help="transparency log; default: sigstore's public one")
    add("--rekor-version", type=int, choices=(1, 2), default=1, help="the log's API; 2 needs --timestamp-url")
    add("--timestamp-url", metavar="URL", default="", help="timestamp authority (RFC 3161)")
    add("--oidc-client-id", metavar="ID", default="sigstore", help="what the token must be for")
    add("--trusted-root", metavar="FILE", help="trusted_root.json that the result must hold under")
