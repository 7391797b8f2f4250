"""The options of signing without a key; apart, so that help needs nothing else of it."""

import argparse


def add_keyless_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's options for signing without a key."""
    add = parser.add_argument
    add("--fulcio-url", metavar="URL", help="certificate authority; default: sigstore's public one")
    add("--rekor-url", metavar="URL", help="transparency log; default: sigstore's public one")
    add("--rekor-version", type=int, choices=(1, 2), default=1, help="the log's API; 2 needs --timestamp-url")
    add("--timestamp-url", metavar="URL", default="", help="timestamp authority (RFC 3161)")
    add("--oidc-client-id", metavar="ID", default="sigstore", help="what the token must be for")
    add("--trusted-root", metavar="FILE", help="trusted_root.json that the result must hold under")
