"""What several keys said together counts while enough of them are not revoked."""

import pytest

from policy_facts import IMAGE, signature
from trustkit.model.signature import Needed, VerificationReport
from trustkit.signing.revoked_roles import without_short_roles

ROOT = Needed("root", 1, ("cc",))
TARGETS = Needed("targets", 1, ("dd", "ee"))
RELEASES = Needed("targets/releases", 2, ("aa", "bb", "ff"))


def report(*needs: Needed) -> VerificationReport:
    return VerificationReport(IMAGE, (signature()._replace(needs=needs),), (), (), complete=True)


@pytest.mark.parametrize("revoked", [set(), {"aa"}, {"dd"}, {"aa", "dd"}, {"00"}])
def test_enough_keys_are_left(revoked: set[str]) -> None:
    found = without_short_roles(report(ROOT, TARGETS, RELEASES), revoked)
    assert (len(found.accepted), found.rejected) == (1, ())


@pytest.mark.parametrize(
    ("revoked", "role"), [({"aa", "bb"}, "targets/releases"), ({"dd", "ee"}, "targets"), ({"cc"}, "root")]
)
def test_a_role_with_too_few_keys_left_says_nothing_nor_do_those_below_it(revoked: set[str], role: str) -> None:
    found = without_short_roles(report(ROOT, TARGETS, RELEASES), revoked)
    (why,) = found.rejected
    assert (found.accepted, why.code) == ((), "verification.key_revoked")
    assert why.message.startswith(f"{role} of ")


def test_lists_of_revoked_keys_add_up() -> None:
    once = without_short_roles(report(RELEASES), {"aa"})
    assert once.accepted
    assert not without_short_roles(once, {"bb"}).accepted


def test_what_stands_for_itself_is_left_alone() -> None:
    found = report()
    assert without_short_roles(found, {signature().signer.fingerprint}) == found


def test_letters_of_a_fingerprint_do_not_matter() -> None:
    assert not without_short_roles(report(Needed("root", 1, ("CC",))), {"cc"}).accepted
