"""Docker Content Trust, judged by what the case's client trusted before, or at first sight."""

from pathlib import Path

from judges.case import Case, Judge, Verdict

from trustkit.errors import SubjectMismatchError
from trustkit.fips.select import provider
from trustkit.signing.content_trust.values import Trusted
from trustkit.signing.content_trust.verify import verify_repository


def takes(case: Case) -> bool:
    """Whether the case is of this format."""
    return case.format == "tuf-notary-v1"


def judge(case: Case) -> Verdict:
    """Say whether the tag is signed as the image the case is about."""
    cache = case.text("trusted_cache")
    seen = files_of(case.folder / cache) if cache else {}
    trusted = Trusted(seen, first_use=not cache)
    found = verify_repository(
        files_of(case.folder / "tuf"), case.text("gun"), trusted, now=case.now, crypto=provider()
    ).tag(case.text("tag"))
    if found.digest.hex != case.text("digest"):
        raise SubjectMismatchError(f"the tag is signed as {found.digest}")
    return Verdict(case.name, "valid", "ok")


def files_of(folder: Path) -> dict[str, bytes]:
    """Return a folder's files by role."""
    return {str(file.relative_to(folder))[: -len(".json")]: file.read_bytes() for file in folder.rglob("*.json")}


JUDGE = Judge(takes, judge)
