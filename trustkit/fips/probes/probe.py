"""One trial, and all of them."""

from collections.abc import Callable, Mapping

from trustkit.errors import TrustkitError
from trustkit.fips import guard
from trustkit.fips.libcrypto.module import Module
from trustkit.fips.probes import of_approved, of_module, of_ours, of_process
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.model.values import NamedTuple

Trial = Callable[[], object]
# Who has to refuse, or to do it.
IN_MODULE, IN_TRUSTKIT, IN_PROCESS = "module", "trustkit", "process"


class Probe(NamedTuple):
    """One trial: what was tried where, whether it should work, whether it did, and the words of a refusal.

    `control` says of what should be refused whether the same thing works elsewhere; without it nothing is proven.
    """

    about: str
    where: str
    should_work: bool
    worked: bool
    said: str
    control: bool = True

    @property
    def holds(self) -> bool:
        """Whether it went as it should, and that means something."""
        return self.worked == self.should_work and self.control


def run(provider: OsslFipsProvider, outside: Mapping[str, bool], suites: tuple[str, ...] = ()) -> tuple[Probe, ...]:
    """Return every trial; those of the process only where it is in FIPS mode.

    `outside` is what `controls` found in a process that is not; `suites` are those of this process's TLS.
    """
    found = [_works(about, IN_MODULE, trial) for about, trial in of_approved.trials(provider).items()]
    found += [_fails(about, IN_MODULE, trial, outside) for about, trial in of_module.trials(provider.module).items()]
    for about, (trial, neighbour) in of_ours.trials(provider).items():
        control = _works(about, IN_TRUSTKIT, neighbour).worked
        found.append(_fails(about, IN_TRUSTKIT, trial, {about: control}))
    if guard.is_up():
        found += [_fails(about, IN_PROCESS, trial, outside) for about, trial in of_process.trials(suites).items()]
    return tuple(found)


def controls(suites: tuple[str, ...]) -> dict[str, bool]:
    """Return which of the forbidden trials work here, by OpenSSL's default provider; FIPS mode must be off."""
    found = {**of_module.trials(Module.default()), **of_process.trials(suites)}
    return {about: _works(about, IN_PROCESS, trial).worked for about, trial in found.items()}


def _works(about: str, where: str, trial: Trial) -> Probe:
    worked, said = _tried(trial)
    return Probe(about, where, True, worked, said)


def _fails(about: str, where: str, trial: Trial, control: Mapping[str, bool]) -> Probe:
    worked, said = _tried(trial)
    return Probe(about, where, False, worked, said, control.get(about, False))


def _tried(trial: Trial) -> tuple[bool, str]:
    try:
        trial()
    except TrustkitError as error:
        return False, error.message
    except (ImportError, AttributeError, ValueError) as error:
        # how Python says that a hash is not there
        return False, str(error)
    return True, ""
