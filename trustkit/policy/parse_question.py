"""A question to the gate, written down: whether an image, or facts about one, may be used for a request.

YAML, and so JSON too. It is what engines ask that have no hook of their own.
"""

from collections.abc import Callable

from trustkit.model.digest import Digest
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Policy
from trustkit.policy.fields import Fields, choice, text
from trustkit.policy.nodes import located, refuse
from trustkit.policy.parse_tests import API_VERSION, written_facts, written_request

KIND = "AdmissionRequest"


class Question(NamedTuple):
    """What is asked about: an image by reference, or facts that somebody else established."""

    image: str
    platform: str
    facts: Facts | None
    request: RequestFacts


def parse_question(content: bytes, file: str, policy: Policy, digest: Callable[[bytes], Digest]) -> Question:
    """Return the one question of a document. Raises PolicySyntaxError."""
    from trustkit.policy.yaml_reader import documents

    found = documents(content, file)
    if len(found) != 1:
        raise located(file, 1, "", f"must hold one document of kind {KIND}")
    fields = Fields(found[0], ("apiVersion", "kind", "image", "platform", "facts", "request"))
    for name, known in (("apiVersion", API_VERSION), ("kind", KIND)):
        if (given := fields.get(name)) is not None:
            choice(given, (known,))
    asked, platform = fields.get("request"), fields.get("platform")
    request = written_request(asked) if asked is not None else RequestFacts(purpose="run")
    about = fields.exactly_one("image", "facts")
    if fields.get("facts") is not None:
        if platform is not None:
            raise refuse(platform, "facts have a platform of their own")
        return Question("", "", written_facts(about, request, policy, digest), request)
    return Question(text(about), text(platform) if platform is not None else "", None, request)
