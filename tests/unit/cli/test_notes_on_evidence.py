"""What could not be read is told in the words of who tried to read it."""

import io
from datetime import UTC, datetime

import pytest

from trustkit.cli.evidence_tree import judgement_json, print_judgement
from trustkit.fips.hashing import digest_of
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import DENY, Decision
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import Descriptor, Platform, ResolvedImage
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.policy.explain import explain

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = digest_of(b"image")
NOTE = "referrer sha256:0123 is malformed: a manifest without layers"
RECORD = AuditRecord(1, AuditEvent(NOW, "decision", DENY, DIGEST, {}), DIGEST)


@pytest.fixture(name="judgement")
def judgement_() -> Judgement:
    ref = ImageRef.parse("registry.example/app:v1")
    platform = Platform("linux", "amd64")
    part = Descriptor("application/json", DIGEST, 5)
    image = ResolvedImage(
        ref=ref, root=part, root_bytes=b"image", manifest=part, manifest_bytes=b"image",
        config=part, config_bytes=b"image", layers=(), platform=platform,
    )  # fmt: skip
    facts = Facts(
        ImageFacts(ref, DIGEST, DIGEST, platform, pinned=False),
        VerificationReport(DIGEST, (), (), (), complete=False, notes=(NOTE, "two\x1b[2J")),
        ModuleStatus("pyca", "1", "OpenSSL 3"),
        RequestFacts(),
        NOW,
    )
    return Judgement(image, facts, Decision(DENY, (), DIGEST))


def test_the_tree_says_what_was_malformed_and_blames_no_limit(judgement: Judgement) -> None:
    out = io.StringIO()
    print_judgement(judgement, RECORD, out)
    assert NOTE in out.getvalue()
    assert "limit" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_the_explanation_says_what_was_malformed_and_blames_no_limit(judgement: Judgement) -> None:
    text = "\n".join(explain(judgement))
    assert NOTE in text
    assert "limit" not in text


def test_programs_get_the_notes_too(judgement: Judgement) -> None:
    shown = judgement_json(judgement, RECORD)
    assert isinstance(shown, dict)
    assert shown["notes"][0] == NOTE
