"""Test results. Specification: in-toto attestation spec/predicates/test-result.md."""

from trustkit.codec.predicates.fields import Resource, each, members, one_text, required, text
from trustkit.codec.predicates.fields import resource as read_resource
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

TYPE = "https://in-toto.io/attestation/test-result/v0.1"
PASSED = "PASSED"
RESULTS = (PASSED, "WARNED", "FAILED")
_WHAT = "test result"


class TestResult(NamedTuple):
    """The result of a run, with which configuration, and which tests went how."""

    result: str
    configuration: tuple[Resource, ...]
    url: str
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]


def read(value: object) -> TestResult:
    """Return the result. Raises MalformedError, LimitExceededError, also for PASSED with failed tests."""
    found = members(value, _WHAT)
    result = required(found, "result", _WHAT)
    if result not in RESULTS:
        raise MalformedError(f"{_WHAT} {result[:40]!r} is none of {', '.join(RESULTS)}")
    failed = each(found, "failedTests", _WHAT, one_text)
    if failed and result != "FAILED":
        raise MalformedError(f"{_WHAT} says {result} and names {len(failed)} failed tests")
    return TestResult(
        result,
        each(found, "configuration", _WHAT, read_resource, 10_000),
        text(found, "url", _WHAT),
        each(found, "passedTests", _WHAT, one_text),
        each(found, "warnedTests", _WHAT, one_text),
        failed,
    )
