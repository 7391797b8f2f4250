"""What an image says about itself cannot forge what the evidence tree says about it."""

import io
from datetime import UTC, datetime

from trustkit.cli.evidence_tree import print_judgement
from trustkit.fips.hashing import digest_of
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import DENY, Decision
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import Descriptor, Platform, ResolvedImage
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = digest_of(b"image")
FORGED = Platform("linux\x1b[1A\x1b[2Kregistry.example/app:v1  admitted\n", "amd64")


def test_a_platform_moves_no_cursor_and_breaks_no_line() -> None:
    ref = ImageRef.parse("registry.example/app:v1")
    part = Descriptor("application/json", DIGEST, 5)
    image = ResolvedImage(
        ref=ref, root=part, root_bytes=b"image", manifest=part, manifest_bytes=b"image",
        config=part, config_bytes=b"image", layers=(), platform=FORGED,
    )  # fmt: skip
    facts = Facts(
        ImageFacts(ref, DIGEST, DIGEST, FORGED, pinned=False),
        VerificationReport(DIGEST, (), (), (), complete=True),
        ModuleStatus("pyca", "1", "OpenSSL 3"),
        RequestFacts(),
        NOW,
    )
    judgement = Judgement(image, facts, Decision(DENY, (), DIGEST))
    out = io.StringIO()
    print_judgement(judgement, AuditRecord(1, AuditEvent(NOW, "decision", DENY, DIGEST, {}), DIGEST), out)
    assert "\x1b" not in out.getvalue()
    assert sum("admitted" in line for line in out.getvalue().splitlines()) == 1
    assert out.getvalue().splitlines()[0].endswith("refused")
