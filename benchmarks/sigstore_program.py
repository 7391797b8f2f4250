"""The peer: a program that verifies one bundle with sigstore-python. Arguments: bundle, trusted root."""

import sys
from pathlib import Path

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

bundle = Bundle.from_json(Path(sys.argv[1]).read_bytes())
root = TrustedRoot.from_file(sys.argv[2])
policy = Identity(identity="dev@acme.example", issuer="http://127.0.0.1:5597/oidc")
kind, _ = Verifier(trusted_root=root).verify_dsse(bundle, policy)
print(kind)
