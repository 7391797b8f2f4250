"""What is inside an image, whatever the form it is written in."""

import re
from datetime import datetime

from trustkit.codec.predicates.fields import Digests
from trustkit.model.values import NamedTuple

SPDX = "spdx"
CYCLONEDX = "cyclonedx"
# SPDX annex D.1: identifiers, and the words and brackets between them.
_WORD = re.compile(r"[A-Za-z0-9.:+-]+")
_OPERATORS = frozenset({"AND", "OR", "WITH"})
_NOTHING = frozenset({"NONE", "NOASSERTION"})


class Package(NamedTuple):
    """One package. `licences` are the identifiers its expressions mention, however they are combined."""

    name: str
    version: str = ""
    purl: str = ""
    licences: tuple[str, ...] = ()
    digests: Digests = ()


class Sbom(NamedTuple):
    """A bill of materials; `version` is that of its form, `created_at` is what it says of itself."""

    form: str
    version: str
    name: str
    created_at: datetime | None
    packages: tuple[Package, ...]


def licences_of(expressions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the identifiers in licence expressions, each once; NOASSERTION is no licence.

    `GPL-2.0-only WITH Classpath-exception-2.0` mentions both; a policy that forbids one of an `OR` is the stricter
    for it.
    """
    words = (word for expression in expressions for word in _WORD.findall(expression))
    return tuple(dict.fromkeys(word for word in words if word.upper() not in _OPERATORS | _NOTHING))
