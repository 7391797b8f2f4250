"""A grant on the screen: what it says, and nothing about whether that is so."""

from trustkit.cli.output import as_json, plain
from trustkit.codec.grant import grant_value
from trustkit.signing.grant_file import GrantFile


def print_grant(grant: GrantFile) -> None:
    """Print what a grant says."""
    says = grant.says
    rows = (
        ("grant", says.id),
        ("image", f"{grant.name}@{grant.image}"),
        ("namespace", says.namespace or "none (engines without namespaces)"),
        ("rules", ", ".join(says.rules)),
        ("requester", str(says.requester)),
        ("reason", says.reason),
        ("from", says.not_before.isoformat()),
        ("until", says.not_after.isoformat()),
        ("signatures", str(len(grant.bundles))),
    )
    for name, value in rows:
        print(f"  {name:<11}{plain(value)}")


def print_json(grant: GrantFile, more: dict[str, object]) -> None:
    """Print what a grant says, and more, as JSON."""
    about = {"image": str(grant.image), "name": grant.name, "signatures": len(grant.bundles)}
    as_json({**grant_value(grant.says), **about, **more})
