"""A bundle is judged: what it is made of and what it asks for, by the gate, before the runtime may see it."""

from collections.abc import Callable

from trustkit import limits
from trustkit.errors import TrustkitError
from trustkit.hooks.errors import HookRefusedError
from trustkit.hooks.fields import Members
from trustkit.hooks.oci.bound import Bound, Ruled
from trustkit.hooks.oci.bundle import Bundle
from trustkit.hooks.oci.containerd import contained_image
from trustkit.hooks.oci.docker import dockerd_image
from trustkit.hooks.oci.mounts import Surroundings
from trustkit.hooks.oci.ports import published_ports
from trustkit.hooks.oci.request import own_command, read_request
from trustkit.hooks.oci.storage import stored_image
from trustkit.model.facts import RequestFacts
from trustkit.model.values import NamedTuple

PODMAN, CRIO, DOCKER, CONTAINERD = "podman", "cri-o", "docker", "containerd"
# Both engines write it themselves, after the annotations that users ask for.
_MANAGER = "io.container.manager"


class Judge(NamedTuple):
    """Asks the gate through `ask`; `caller` is the process that called the runtime."""

    ask: Callable[[str, RequestFacts], Ruled]
    caller: int = 0

    def run(self, bundle: Bundle, container: str) -> None:
        """Return if the bundle may run. Raises TrustkitError."""
        bound, request = self._read(bundle, container)
        self._any_of(bound, request._replace(host_ports=published_ports(self.caller)))

    def join(self, bundle: Bundle, container: str, process: Members) -> None:
        """Return if a process may join the container: it is judged if it may do more than the container.

        Raises TrustkitError.
        """
        bound, admitted = self._read(bundle, container)
        joined = Bundle(bundle.folder, {**bundle.config, "process": {**bundle.process, **process}})
        _, request = self._read(joined, container)
        if _is_wider(request, admitted):
            self._any_of(bound, request._replace(purpose="exec", command=request.command))

    def _any_of(self, bound: Bound, request: RequestFacts) -> None:
        """Return if one of the image's names admits it: it is the same image by any of them. Raises TrustkitError."""
        if not bound.names:
            raise HookRefusedError(
                "the image was built, loaded or committed on this machine, so no registry vouches for it",
                next_step="push it, sign it, and pull it by its name",
            )
        refused: list[TrustkitError] = []
        for name in bound.names[: limits.STORED_NAMES]:
            try:
                answer = self.ask(str(name), request)
                if not answer.allowed:
                    raise HookRefusedError(f"{name} is not admitted: {answer.reason}")
                bound.require_same(name, answer)
            except TrustkitError as error:
                refused.append(error)
            else:
                return
        # a refusal of one name tells more than that a registry does not have another
        raise next((error for error in refused if error.exit_status == 1), refused[0])

    def _read(self, bundle: Bundle, container: str) -> tuple[Bound, RequestFacts]:
        """Return what the bundle is made of, and what it asks for. Raises TrustkitError."""
        engine, bound = self._bound(bundle, container)
        request = read_request(bundle, Surroundings(container, bound.volumes, bound.folders), engine)
        return bound, request._replace(command=own_command(request.command, bound.entrypoint, bound.command))

    def _bound(self, bundle: Bundle, container: str) -> tuple[str, Bound]:
        """Return the engine and the image. Raises TrustkitError: nothing says what it is."""
        if found := stored_image(bundle, container):
            return (CRIO if bundle.annotations.get(_MANAGER) == CRIO else PODMAN), found
        if found := dockerd_image(bundle, container):
            return DOCKER, found
        if found := contained_image(bundle, container, self.caller):
            return CONTAINERD, found
        raise HookRefusedError(
            f"nothing says which image the bundle {bundle.folder} was made of",
            next_step="run it with an engine whose store is known here: docs/hooks.md",
        )


def _is_wider(request: RequestFacts, admitted: RequestFacts) -> bool:
    """Whether a process may do something that the container's own may not."""
    return (
        not set(request.capabilities_added) <= set(admitted.capabilities_added)
        or not set(admitted.capabilities_dropped) <= set(request.capabilities_dropped)
        or (request.privileged and not admitted.privileged)
        or (request.new_privileges and not admitted.new_privileges)
        or (request.apparmor, request.selinux) != (admitted.apparmor, admitted.selinux)
        or request.user != admitted.user
    )
