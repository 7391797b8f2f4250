"""Judge every case of a folder of test vectors and print one line each: NAME valid|invalid|skipped CODE.

usage: python tests/conformance/run.py DIR

A case is a folder with `expected.json` and the files it names. Only its inputs are read, never what
the answer should be. `CODE` is the stable code of the check that refused, `ok` for valid cases.
A judge (`judges/`) knows one family of formats.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from judges import containers, content_trust, cosign, notation, sigstore  # noqa: E402  (the path has to be set first)
from judges.case import Judge, Verdict, cases, read_case  # noqa: E402

from trustkit.errors import TrustkitError  # noqa: E402

# The first that takes a case judges it.
JUDGES: tuple[Judge, ...] = (
    containers.JUDGE,
    notation.JUDGE,
    content_trust.JUDGE,
    sigstore.JUDGE,
    cosign.JUDGE,
)


def judge(folder: Path) -> Verdict:
    """Return the verdict on one case; whatever the product refuses is `invalid` with its code."""
    case = read_case(folder)
    taker = next((one for one in JUDGES if one.takes(case)), None)
    if taker is None:
        return Verdict(case.name, "skipped", "format")
    try:
        return taker.judge(case)
    except TrustkitError as error:
        return Verdict(case.name, "invalid", error.code)


def main(arguments: list[str]) -> int:
    """Print the lines. Returns 2 when called wrongly."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    for folder in cases(Path(arguments[0])):
        print(judge(folder), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
