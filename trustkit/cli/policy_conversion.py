"""`policy import` and `policy export`: other tools' policies as ours, and ours as theirs."""

import argparse
import sys
from pathlib import Path

from trustkit import durable, limits
from trustkit.cli.output import as_json, plain
from trustkit.errors import MalformedError, PolicySyntaxError, UsageError


def translate_in(arguments: argparse.Namespace) -> int:
    """Print or write the translated policy. Raises PolicySyntaxError, MalformedError, UsageError."""
    from trustkit.app import now
    from trustkit.fips.hashing import digest_of
    from trustkit.policy.importing.convert import convert, to_yaml
    from trustkit.policy.parse import parse

    file = Path(arguments.file)
    imported = convert(_content(file), str(file), now())
    text = to_yaml(imported, file.name)
    # what we wrote must be a policy, or nothing is written
    parse(text.encode(), file=f"the policy made from {file}", load_key=str.encode, digest=digest_of,
          fingerprint=lambda pem: digest_of(pem).hex)  # fmt: skip
    for what in imported.untranslated:
        print(plain(f"not translated, so it denies: {what}"), file=sys.stderr)
    for note in imported.notes:
        print(plain(f"said otherwise: {note}"), file=sys.stderr)
    if arguments.strict and (imported.untranslated or imported.notes):
        reasons = len(imported.untranslated) + len(imported.notes)
        raise MalformedError(f"{file}: {reasons} part(s) cannot be said exactly", next_step="leave out --strict")
    if arguments.out:
        target = Path(arguments.out)
        for name, content in imported.files.items():
            durable.write_file(target.parent / name, content)
        durable.write_file(target, text.encode())
        return 0
    if imported.files:
        raise UsageError(f"{file}: holds keys that need files of their own", next_step="give -o FILE")
    print(text, end="")
    return 0


def translate_out(arguments: argparse.Namespace) -> int:
    """Print a policy in another tool's words. Raises PolicySyntaxError, MalformedError."""
    from trustkit.cli.policy_reading import policy_at
    from trustkit.policy.exporting import admission_policy, containers, notation

    policy = policy_at(Path(arguments.file))
    exporter = {
        "policy.json": containers.export,
        "trustpolicy.json": notation.export,
        "validating-admission-policy": admission_policy.export,
    }[arguments.to]
    exported = exporter(policy)
    for what in exported.left_out:
        print(plain(f"left out: {what}"), file=sys.stderr)
    if arguments.strict and exported.left_out:
        message = f"{arguments.file}: {len(exported.left_out)} part(s) would not be enforced there"
        raise MalformedError(message, next_step="leave out --strict, and enforce them elsewhere")
    as_json(exported.document)
    return 0


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise PolicySyntaxError(f"{file}: cannot be read: {error.strerror or error}", file=str(file)) from error
    if len(content) > limits.POLICY_BYTES:
        raise PolicySyntaxError(f"{file}: larger than {limits.POLICY_BYTES} bytes", file=str(file))
    return content
