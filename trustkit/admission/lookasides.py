"""registries.d to lookasides: where containers' tools keep simple signatures (containers-registries.d(5)).

    default-docker:
      lookaside: file:///var/lib/containers/sigstore
    docker:
      registry.example.com/team:
        lookaside: https://signatures.example.com
        lookaside-staging: file:///srv/signatures

`sigstore` and `sigstore-staging` are the older names of the two. Two files may not speak of one scope.
"""

from collections.abc import Iterator
from pathlib import Path

from trustkit import limits
from trustkit.errors import ConfigError, PolicySyntaxError
from trustkit.oci.lookaside import Location, Lookasides
from trustkit.policy.nodes import MAPPING, TEXT, Node

_MEMBERS = ("default-docker", "docker")
_NAMES = {"lookaside": "read", "lookaside-staging": "write", "sigstore": "read", "sigstore-staging": "write"}
# Says where sigstore attachments are looked for, which is done here anyway.
_IGNORED = ("use-sigstore-attachments",)
_FILES = 256


def lookasides_folder(given: Path | None, home: Path) -> Path | None:
    """Return the folder in force: the given one, the user's, or the system's. Raises ConfigError."""
    if given is not None:
        if not given.is_dir():
            raise ConfigError(f"registry.registries_d: {given} is no folder", next_step="check the path")
        return given
    usual = (home / ".config" / "containers" / "registries.d", Path("/etc/containers/registries.d"))
    return next((folder for folder in usual if folder.is_dir()), None)


def read_lookasides(folder: Path | None) -> Lookasides:
    """Return what the YAML files of a folder say; no folder says nothing. Raises ConfigError."""
    if folder is None:
        return Lookasides()
    files = sorted(file for file in folder.iterdir() if file.suffix == ".yaml")
    if len(files) > _FILES:
        raise ConfigError(f"{folder}: more than {_FILES} files")
    scopes: dict[str, Location] = {}
    for file in files:
        for scope, location in _read(file):
            if scope in scopes:
                raise ConfigError(
                    f"{file}: {scope or 'default-docker'} is said twice", next_step="remove one of the two"
                )
            scopes[scope] = location
    return Lookasides(scopes, scopes.pop("", Location()))


def _read(file: Path) -> Iterator[tuple[str, Location]]:
    """Yield the scopes of one file; the default's is empty."""
    from trustkit.policy.yaml_reader import documents

    try:
        content = file.read_bytes()[: limits.POLICY_BYTES + 1]
        for document in documents(content, str(file)):
            for name, node in _members(document, _MEMBERS):
                if name == "default-docker":
                    yield "", _location(node)
                else:
                    yield from ((scope, _location(each)) for scope, each in _members(node, ()))
    except PolicySyntaxError as error:
        raise ConfigError(error.message, next_step="see containers-registries.d(5)") from error
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or '').lower()}") from error


def _location(node: Node) -> Location:
    found: dict[str, str] = {}
    for name, each in _members(node, (*_NAMES, *_IGNORED)):
        if name in _IGNORED:
            continue
        if each.kind != TEXT or not isinstance(each.scalar, str):
            raise ConfigError(f"{each.file}:{each.line}: {name} is no URL")
        # the newer name wins, as in containers/image
        if _NAMES[name] not in found or name.startswith("lookaside"):
            found[_NAMES[name]] = each.scalar
    return Location(found.get("read", ""), found.get("write", ""))


def _members(node: Node, known: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
    if node.kind != MAPPING:
        raise ConfigError(f"{node.file}:{node.line}: not a mapping")
    for name, member in node.members.items():
        if known and name not in known:
            raise ConfigError(f"{member.file}:{member.line}: unknown member {name[:80]!r}")
        yield name, member
