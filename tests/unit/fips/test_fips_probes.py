"""A proof by trying: it fails for a module that lets too much pass, and for a trial that proves nothing."""

from functools import partial

import pytest

from peers.fips import fips_provider
from trustkit.errors import TrustkitError
from trustkit.fips.libcrypto.module import Module
from trustkit.fips.probes import of_approved, of_module, of_ours
from trustkit.fips.probes.probe import IN_MODULE, Probe, _fails, controls, run

OUTSIDE = controls(("TLS_CHACHA20_POLY1305_SHA256",))


@pytest.fixture(name="probes", scope="module")
def probes_() -> tuple[Probe, ...]:
    return run(fips_provider(), OUTSIDE)


def test_every_probe_goes_as_it_should_and_has_its_control(probes: tuple[Probe, ...]) -> None:
    assert [probe for probe in probes if not probe.holds] == []


def test_there_are_more_refusals_than_approvals(probes: tuple[Probe, ...]) -> None:
    assert sum(not probe.should_work for probe in probes) > sum(probe.should_work for probe in probes) > 18


def test_no_two_probes_have_one_name(probes: tuple[Probe, ...]) -> None:
    assert len({probe.about for probe in probes}) == len(probes)


def test_everything_forbidden_works_where_nothing_forbids_it() -> None:
    assert [about for about, worked in OUTSIDE.items() if not worked] == []


def test_without_its_control_no_refusal_of_the_module_holds() -> None:
    found = [probe for probe in run(fips_provider(), {}) if probe.where == IN_MODULE and not probe.should_work]
    assert found
    assert not any(probe.holds for probe in found)


@pytest.mark.parametrize(("kind", "name"), [("MD", "MD55"), ("CIPHER", "ChaCha2O-Poly1305"), ("KDF", "S-CRYPT")])
def test_a_misspelt_name_is_refused_and_proves_nothing(kind: str, name: str) -> None:
    trial = partial(of_module._fetch, fips_provider().module, kind, name)
    outside = {"it": Module.default().library.call(f"EVP_{kind}_fetch", None, name.encode(), None) is not None}
    found = _fails("it", IN_MODULE, trial, outside)
    assert not found.worked
    assert not found.holds


def test_a_module_that_lets_everything_pass_does_not_hold() -> None:
    trials = of_module.trials(Module.default())
    found = [_fails(about, IN_MODULE, trial, OUTSIDE) for about, trial in trials.items()]
    assert not any(probe.holds for probe in found)


def test_a_wrong_answer_of_an_approved_service_is_no_success() -> None:
    with pytest.raises(TrustkitError, match="another answer"):
        of_approved._equal(b"1", "32")


@pytest.mark.parametrize("about", of_ours.trials(fips_provider()))
def test_what_trustkit_refuses_has_a_neighbour_that_it_takes(about: str) -> None:
    trial, neighbour = of_ours.trials(fips_provider())[about]
    neighbour()
    with pytest.raises(TrustkitError):
        trial()
