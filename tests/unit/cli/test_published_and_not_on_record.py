"""What an author of content trust says when the log fails after the server took the publication."""

import argparse
from datetime import UTC, datetime

import pytest

from trustkit.cli.trust.author import Author
from trustkit.config import load
from trustkit.errors import AuditError
from trustkit.signing.content_trust.values import VerifiedRepository

NOW = datetime(2026, 7, 1, tzinfo=UTC)
GUN = "registry.example/team/app"
PUBLISHED = VerifiedRepository(GUN, 1, (), first_use=False, expires=NOW, versions={"root": 1}, roles=(), files={})


def test_what_is_published_and_not_on_record_is_called_so(tmp_path):
    author = Author(load({"TRUSTKIT_HOME": str(tmp_path)}), GUN, argparse.Namespace(server="https://trust.example"))
    author.record("sign v1", PUBLISHED)
    (tmp_path / "audit/log.db").unlink()
    with pytest.raises(
        AuditError, match=r"sign v2 is published, and is not on record: .* removed or replaced"
    ) as error:
        author.record("sign v2", PUBLISHED)
    assert error.value.exit_status == 4
    assert f"trustkit trust inspect {GUN}" in error.value.next_step
