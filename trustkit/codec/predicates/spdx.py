"""SPDX 2.x documents in JSON. Specification: spdx.github.io/spdx-spec/v2.3."""

from trustkit import limits
from trustkit.codec.predicates.fields import Digests, bounded, each, inner, members, moment, required, text
from trustkit.codec.predicates.sbom import SPDX, Package, Sbom, licences_of
from trustkit.codec.strict_json import parse
from trustkit.errors import MalformedError

DOCUMENT = "https://spdx.dev/Document"
TYPES = (DOCUMENT, f"{DOCUMENT}/v2.2", f"{DOCUMENT}/v2.3")
_WHAT = "SPDX document"
_VERSIONS = ("SPDX-2.0", "SPDX-2.1", "SPDX-2.2", "SPDX-2.3")
_LICENCES = ("licenseConcluded", "licenseDeclared")


def read(value: object) -> Sbom:
    """Return the bill of materials; cosign's `spdx` has the document as text.

    Raises MalformedError, also for tag-value documents, LimitExceededError.
    """
    if isinstance(value, str):
        value = _from_text(value)
    found = members(value, _WHAT)
    version = required(found, "spdxVersion", _WHAT)
    if version not in _VERSIONS:
        raise MalformedError(f"{_WHAT} has spdxVersion {version[:40]!r}; known are {', '.join(_VERSIONS)}")
    required(found, "SPDXID", _WHAT)
    return Sbom(
        form=SPDX,
        version=version.removeprefix("SPDX-"),
        name=required(found, "name", _WHAT),
        created_at=moment(inner(found, "creationInfo", _WHAT), "created", _WHAT),
        packages=each(found, "packages", _WHAT, _package),
    )


def _from_text(written: str) -> object:
    if not written.lstrip().startswith("{"):
        raise MalformedError(f"{_WHAT} is not JSON: only that form is read")
    return parse(written.encode("utf-8"), what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES, fold_names=False)


def _package(value: object, what: str) -> Package:
    found = members(value, what)
    return Package(
        name=required(found, "name", what),
        version=text(found, "versionInfo", what),
        purl=next((one for one in each(found, "externalRefs", what, _purl) if one), ""),
        licences=licences_of(tuple(text(found, name, what) for name in _LICENCES)),
        digests=_digests(found, what),
    )


def _purl(value: object, what: str) -> str:
    found = members(value, what)
    return text(found, "referenceLocator", what) if found.get("referenceType") == "purl" else ""


def _digests(found: dict[str, object], what: str) -> Digests:
    def one(value: object, where: str) -> tuple[str, str]:
        checksum = members(value, where)
        return (
            bounded(required(checksum, "algorithm", where).lower(), where),
            required(checksum, "checksumValue", where),
        )

    return tuple(sorted(each(found, "checksums", what, one, 64)))
