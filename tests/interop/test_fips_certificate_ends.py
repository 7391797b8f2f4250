"""What is claimed of a module ends with its certificate, also in a process that was started before."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from peers.fips import inside, module_file
from peers.trustkit import Trustkit
from trustkit.fips.hashing import digest_of
from trustkit.fips.host import measured

TODAY = datetime.now(UTC).date()
TOMORROW, AFTER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
# A module tests itself once in a process, so each case is a process of its own.
PRELUDE = """
import json, sys
from datetime import date
from pathlib import Path
from trustkit.errors import SelfTestError
from trustkit.fips.providers import ossl_fips

module, listed, others = fips_start.opened(), Path(sys.argv[1]), json.loads(sys.argv[2])

def the_day_is(text):
    ossl_fips._today = lambda: date.fromisoformat(text)

def says(*calls):
    said = []
    for call in calls:
        try:
            call()
            said.append("")
        except SelfTestError as error:
            said.append(error.message)
    return said

def claims():
    found = module.status()
    return [found.validated, found.certificate]

def hashes():
    module.hasher("sha256")

assert claims() == [True, "9999"]
"""


def row(**changes: object) -> str:
    """Return a list whose one certificate covers the module's file on this machine until tomorrow."""
    host = measured()
    one = {
        "number": "9999", "standard": "FIPS 140-3", "module": "A test, no certificate", "version": "3.5.9",
        "status": "active", "sunset": TOMORROW.isoformat(), "sha256": [digest_of(module_file().read_bytes()).hex],
        "environments": [{"os": host.os, "machine": host.machine}], **changes,
    }  # fmt: skip
    return json.dumps({"certificates": [one]})


def result(fips: Trustkit, mode: str, code: str, *, first: str = "", then: str = "") -> object:
    """Return what the code prints in a process in this mode, started under the list `first`; `then` is another."""
    listed = fips.home / "list.json"
    listed.write_text(first or row())
    (fips.home / "config.toml").write_text(f'[fips]\nmode = "{mode}"\nvalidated_list = "{listed}"\n')
    done = inside(fips, PRELUDE + dedent(code), str(listed), json.dumps([then, first or row()]))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_after_its_sunset_a_certificate_is_not_on_record(fips: Trustkit) -> None:
    services = ["sha256", "hmac", "ecdsa", "ctr-drbg"]
    code = f"""
        before = module.identity.services.source
        the_day_is("{TOMORROW}")
        last = claims()
        the_day_is("{AFTER}")
        ended, approved = claims(), module.status().approved
        module.hasher("sha384")  # which the certificate did not list
        print(json.dumps([before, last, ended, module.identity.match.reason, "rsa-pss-sha256" in approved]))
    """
    before, last, ended, reason, more = result(fips, "module", code, first=row(algorithms=services))  # type: ignore[misc]
    assert (before, last, ended) == ("certificate #9999", [True, "9999"], [False, ""])
    assert (reason, more) == (f"certificate #9999 is active, sunset {TOMORROW}", True)


def test_in_mode_validated_nothing_is_done_after_the_sunset(fips: Trustkit) -> None:
    code = f"""
        the_day_is("{TOMORROW}")
        said = says(claims, hashes)
        the_day_is("{AFTER}")
        said += says(claims, claims, module.examine, hashes, lambda: module.generate("ecdsa-p256"))
        the_day_is("{TODAY}")
        print(json.dumps(said + says(claims, hashes)))
    """
    said = result(fips, "validated", code)
    assert isinstance(said, list)
    assert said[:2] == ["", ""]
    assert all(f"not validated here: certificate #9999 is active, sunset {TOMORROW}" in one for one in said[2:]), said


CORRECTIONS = pytest.mark.parametrize(
    "then",
    [row(status="revoked"), row(sha256=["ab" * 32]), row(version="3.5.8"), row(sunset="2020-01-01"), "{", ""],
    ids=["revoked", "other file", "other version", "sunset", "broken", "empty"],
)


@CORRECTIONS
def test_a_corrected_list_counts_from_the_next_examination(fips: Trustkit, then: str) -> None:
    code = """
        listed.write_text(others[0])
        assert module.examine()
        found = claims()
        listed.write_text(others[1])
        module.examine()
        print(json.dumps([found, claims()]))
    """
    assert result(fips, "module", code, then=then) == [[False, ""], [True, "9999"]]


@CORRECTIONS
def test_in_mode_validated_a_corrected_list_ends_the_work_of_the_process(fips: Trustkit, then: str) -> None:
    code = """
        module.examine()
        listed.write_text(others[0])
        said = says(module.examine, hashes, claims)
        listed.write_text(others[1])
        print(json.dumps(said + says(module.examine, hashes, claims)))
    """
    said = result(fips, "validated", code, then=then)
    assert isinstance(said, list)
    assert all("is not validated here" in one for one in said), said


def test_a_list_that_is_gone_proves_nothing(fips: Trustkit) -> None:
    code = """
        listed.unlink()
        module.examine()
        print(json.dumps([claims(), module.identity.match.reason]))
    """
    found, reason = result(fips, "module", code)  # type: ignore[misc]
    assert (found, Path(str(reason).partition(":")[0]).name) == ([False, ""], "list.json")
