"""All evidence beside an image as a tree for people."""

from typing import TextIO

from trustkit.admission.evidence import REJECTED, VERIFIED, Beside, Item, Signed
from trustkit.cli.output import mark, plain, size_of


def print_beside(name: str, found: Beside, out: TextIO) -> None:
    """Print the image, and under it what lies beside it."""
    print(f"{plain(name)}\n{found.digest}  {plain(found.type)}", file=out)
    lines = _under(found)
    for line in lines or [mark("└─ no evidence", good=False)]:
        print(line, file=out)


def _under(found: Beside) -> list[str]:
    """Return the lines below a manifest."""
    branches = [_item(item) for item in found.items]
    branches += [([f"{mark('!', good=False)} {plain(note)}"]) for note in found.notes]
    if not found.complete:
        branches.append([mark("! not all evidence could be read", good=False)])
    branches += [_branch(each) for each in found.evidence]
    lines: list[str] = []
    for number, (first, *rest) in enumerate(branches):
        last = number == len(branches) - 1
        lines.append(f"{'└─' if last else '├─'} {first}")
        lines += [f"{'  ' if last else '│ '} {line}" for line in rest]
    return lines


def _branch(found: Beside) -> list[str]:
    head = f"{plain(found.place)}  {found.digest or ''}  {plain(found.type)}"
    return [" ".join(head.split(" ")).rstrip(), *_under(found)]


def _item(item: Item) -> list[str]:
    if item.verdict == VERIFIED:
        return [f"{mark('✔', good=True)} {_what(one)}" for one in item.signed]
    if item.verdict == REJECTED:
        return [f"{mark('✘', good=False)} {item.format}  {item.code}", f"  {plain(item.reason)}"]
    return [f"? {plain(item.media_type)}  {size_of(item.size_bytes)}  {item.digest}"]


def _what(one: Signed) -> str:
    what = f"{one.kind} {one.predicate_type}" if one.predicate_type else one.kind
    who = f"{one.subject} ({one.issuer})" if one.subject else f"key {one.fingerprint[:16]}…"
    when = f"  {one.signed_at.isoformat()} ({one.time_source})" if one.signed_at else ""
    name = f"  for {one.claimed_name}" if one.claimed_name else ""
    return plain(f"{what}  {one.trust_root}  {who}  {one.algorithm}{name}{when}")
