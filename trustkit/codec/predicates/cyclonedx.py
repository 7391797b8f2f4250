"""CycloneDX bills of materials in JSON. Specification: cyclonedx.org/docs/1.6/json (ECMA-424)."""

from trustkit.codec.predicates.fields import ITEMS, Digests, each, inner, members, moment, required, text
from trustkit.codec.predicates.sbom import CYCLONEDX, Package, Sbom, licences_of
from trustkit.codec.strict_json import as_list
from trustkit.errors import LimitExceededError, MalformedError

BOM = "https://cyclonedx.org/bom"
TYPES = (BOM, *(f"{BOM}/v1.{minor}" for minor in range(2, 8)))
_WHAT = "CycloneDX document"
_VERSIONS = tuple(f"1.{minor}" for minor in range(2, 8))


def read(value: object) -> Sbom:
    """Return the bill of materials, nested components included. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    if found.get("bomFormat") != "CycloneDX":
        raise MalformedError(f"{_WHAT} has no bomFormat CycloneDX")
    version = required(found, "specVersion", _WHAT)
    if version not in _VERSIONS:
        raise MalformedError(f"{_WHAT} has specVersion {version[:40]!r}; known are {', '.join(_VERSIONS)}")
    metadata = inner(found, "metadata", _WHAT)
    return Sbom(
        form=CYCLONEDX,
        version=version,
        name=text(inner(metadata, "component", _WHAT), "name", _WHAT) or text(found, "serialNumber", _WHAT),
        created_at=moment(metadata, "timestamp", _WHAT),
        packages=_packages(found),
    )


def _packages(document: dict[str, object]) -> tuple[Package, ...]:
    packages: list[Package] = []
    waiting: list[object] = [document]
    while waiting:
        holder = members(waiting.pop(), f"{_WHAT} component")
        inside = as_list(holder.get("components", []), f"{_WHAT} components")
        if len(packages) + len(inside) > ITEMS:
            raise LimitExceededError(f"{_WHAT} has more than {ITEMS} components")
        packages += (_package(one, f"{_WHAT} component") for one in inside)
        waiting += inside
    return tuple(packages)


def _package(value: object, what: str) -> Package:
    found = members(value, what)
    return Package(
        name=required(found, "name", what),
        version=text(found, "version", what),
        purl=text(found, "purl", what),
        licences=licences_of(each(found, "licenses", what, _licence, 256)),
        digests=_digests(found, what),
    )


def _licence(value: object, what: str) -> str:
    found = members(value, what)
    if "expression" in found:
        return text(found, "expression", what)
    one = inner(found, "license", what)
    # a name is free text: only an identifier can be compared
    return text(one, "id", what)


def _digests(found: dict[str, object], what: str) -> Digests:
    def one(value: object, where: str) -> tuple[str, str]:
        digest = members(value, where)
        algorithm = required(digest, "alg", where)
        return algorithm.lower().replace("-", "", 1), required(digest, "content", where)

    return tuple(sorted(each(found, "hashes", what, one, 64)))
