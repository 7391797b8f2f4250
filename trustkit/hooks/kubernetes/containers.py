"""The images of a pod, and what each container asks for, as facts a policy judges.

All containers of a pod are looked at, init and ephemeral ones and image volumes too. What the pod's own security
context says counts for containers that say nothing, as Kubernetes merges the two; where the Pod Security Standards look
at both whatever the container says (host processes, SELinux, unconfined profiles, root as the user), both count.
Annotations of trustkit.dev are never read: anybody can write them.
"""

from collections.abc import Iterator, Mapping, Sequence

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.hooks.kubernetes.pods import PodPart
from trustkit.hooks.kubernetes.pull_secrets import Pull
from trustkit.model.facts import RequestFacts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import SLOTS
from trustkit.policy.scope import NAME_LABEL

ENGINE = "kubernetes"
*_SLOTS, _VOLUMES = SLOTS
# A pod's own spec. Templates may leave an image to others to fill in; a pod may not.
_POD_POINTER = "/spec"
_NO_MEMBERS: Mapping[str, object] = {}
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_PROFILES = {"RuntimeDefault": "default", "Unconfined": "unconfined"}


NO_PULL = Pull()


class Use(NamedTuple):
    """One image of a pod: the JSON pointer to its reference, the reference as written, and what is asked for it.

    `pull` is with which credentials the pod says to pull it.
    """

    pointer: str
    image: str
    request: RequestFacts
    pull: Pull = NO_PULL


class Asked(NamedTuple):
    """Who asks, in which namespace, for which kind of object."""

    actor: str = ""
    namespace: str = ""
    kind: str = ""


def uses_of(pod: PodPart, asked: Asked) -> tuple[Use, ...]:
    """Return every image the pod uses. Raises MalformedError, LimitExceededError."""
    pull = _pull(pod)
    found = (*_containers(pod, _of_pod(pod, asked), pull), *_volumes(pod, asked, pull))
    if len(found) > limits.POD_IMAGES:
        raise LimitExceededError(f"the pod uses {len(found)} images, more than the {limits.POD_IMAGES} allowed")
    return found


def image_use(pointer: str, image: object, asked: Asked, slot: str = "", pull: Pull = NO_PULL) -> Use:
    """Return the use of an image by an object that says no more about it. Raises MalformedError."""
    if not isinstance(image, str):
        raise MalformedError(f"{pointer} is no image")
    labels = _namespace_labels(asked.namespace)
    request = RequestFacts(
        asked.actor, "pull", ENGINE, namespace=asked.namespace, namespace_labels=labels, kind=asked.kind, slot=slot
    )
    return Use(pointer, image, request, pull)


def _namespace_labels(namespace: str) -> tuple[tuple[str, str], ...]:
    """Return the one label of a namespace that nobody can change; reviews do not tell the others."""
    return ((NAME_LABEL, namespace),) if namespace else ()


def _containers(pod: PodPart, shared: RequestFacts, pull: Pull) -> Iterator[Use]:
    context = _object(pod.spec, "securityContext")
    for slot in _SLOTS:
        for index, container in enumerate(_objects(pod.spec, slot)):
            image = _text(container, "image")
            if image:
                request = _of_container(container, context, shared, pod, slot)
                yield Use(f"{pod.pointer}/{slot}/{index}/image", image, request, pull)
            elif pod.pointer == _POD_POINTER:
                raise MalformedError(f"{pod.pointer}/{slot}/{index} names no image")


def _pull(pod: PodPart) -> Pull:
    secrets = tuple(_text(one, "name") for one in _objects(pod.spec, "imagePullSecrets"))
    if len(secrets) > limits.PULL_SECRETS:
        raise LimitExceededError(f"the pod names {len(secrets)} pull secrets, more than {limits.PULL_SECRETS}")
    return Pull(tuple(name for name in secrets if name), _text(pod.spec, "serviceAccountName"))


def _volumes(pod: PodPart, asked: Asked, pull: Pull) -> Iterator[Use]:
    for index, volume in enumerate(_objects(pod.spec, "volumes")):
        image = _object(volume, "image")
        if image:
            pointer = f"{pod.pointer}/volumes/{index}/image/reference"
            yield image_use(pointer, image.get("reference", ""), asked, _VOLUMES, pull)


def _of_pod(pod: PodPart, asked: Asked) -> RequestFacts:
    """Return what all containers of the pod share."""
    spec = pod.spec
    context = _object(spec, "securityContext")
    volumes = _objects(spec, "volumes")
    paths = (_text(_object(volume, "hostPath"), "path") for volume in volumes if volume.get("hostPath") is not None)
    return RequestFacts(
        actor=asked.actor,
        purpose="run",
        engine=ENGINE,
        host_network=_flag(spec, "hostNetwork"),
        host_pid=_flag(spec, "hostPID"),
        host_ipc=_flag(spec, "hostIPC"),
        host_mounts=tuple(sorted(set(paths))),
        volumes=tuple(sorted({name for volume in volumes for name in volume if name != "name"})),
        sysctls=tuple(_text(item, "name") for item in _objects(context, "sysctls")),
        pod_root=_number(context.get("runAsUser")) == 0,
        namespace=asked.namespace,
        namespace_labels=_namespace_labels(asked.namespace),
        kind=asked.kind,
    )


def _of_container(
    container: Mapping[str, object], pod: Mapping[str, object], shared: RequestFacts, part: PodPart, slot: str
) -> RequestFacts:
    """Return what one container asks for: its own security context first, then the pod's."""
    own = _object(container, "securityContext")
    capabilities = _object(own, "capabilities")
    windows = (_object(own, "windowsOptions"), _object(pod, "windowsOptions"))
    ports = tuple(str(port["hostPort"]) for port in _objects(container, "ports") if port.get("hostPort"))
    apparmor = _profile(own, pod, "appArmorProfile", "default")
    if apparmor != "unconfined":
        apparmor = _annotated(part.annotations, container) or apparmor
    return shared._replace(
        privileged=_flag(own, "privileged"),
        capabilities_added=_names(capabilities, "add"),
        capabilities_dropped=_names(capabilities, "drop"),
        user=_user(own, pod),
        read_only=_flag(own, "readOnlyRootFilesystem"),
        seccomp=_profile(own, pod, "seccompProfile", "unset"),
        command=_texts(container, "command") + _texts(container, "args"),
        host_process=any(_flag(options, "hostProcess") for options in windows),
        host_ports=ports,
        new_privileges=own.get("allowPrivilegeEscalation") is not False,
        non_root=_first(own, pod, "runAsNonRoot") is True,
        proc_mount=_text(own, "procMount") or "default",
        selinux=_selinux(own, pod),
        apparmor=apparmor,
        slot=slot,
    )


def _user(own: Mapping[str, object], pod: Mapping[str, object]) -> str:
    user, group = (_number(_first(own, pod, name)) for name in ("runAsUser", "runAsGroup"))
    if user is None:
        return ""
    return str(user) if group is None else f"{user}:{group}"


def _profile(own: Mapping[str, object], pod: Mapping[str, object], name: str, unset: str) -> str:
    """Return a seccomp or AppArmor profile as facts call it: default, unconfined, a profile of the node, or unset."""
    shared = _object(pod, name)
    found = _object(own, name) or shared
    if not found:
        return unset
    kind = _text(found, "type")
    if _text(shared, "type") == "Unconfined":
        kind = "Unconfined"
    return _PROFILES.get(kind) or f"localhost/{_text(found, 'localhostProfile')}"


def _annotated(annotations: Mapping[str, object], container: Mapping[str, object]) -> str:
    """Return what the annotation of before Kubernetes 1.30 says of AppArmor; the API server keeps both in step."""
    said = annotations.get(_APPARMOR + _text(container, "name"), "") if annotations else ""
    return "" if not said or said == "runtime/default" else str(said)


def _selinux(own: Mapping[str, object], pod: Mapping[str, object]) -> str:
    """Return user, role and type; two of one kind, if container and pod say different ones, with a comma between."""
    options = [found for found in (_object(own, "seLinuxOptions"), _object(pod, "seLinuxOptions")) if found]
    parts = ((_text(found, name) for found in options) for name in ("user", "role", "type"))
    return ":".join(",".join(dict.fromkeys(filter(None, part))) for part in parts) if options else ""


def _first(own: Mapping[str, object], pod: Mapping[str, object], name: str) -> object:
    found = own.get(name)
    return pod.get(name) if found is None else found


def _number(found: object) -> int | None:
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool):
        raise MalformedError("runAsUser and runAsGroup must be numbers")
    return found


def _object(of: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = of.get(name)
    if found is None:
        return _NO_MEMBERS
    if not isinstance(found, dict):
        raise MalformedError(f"{name} is no object")
    return found


def _objects(of: Mapping[str, object], name: str) -> Sequence[dict[str, object]]:
    found = of.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise MalformedError(f"{name} is no list of objects")
    return found


def _text(of: Mapping[str, object], name: str) -> str:
    found = of.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedError(f"{name} is no text")
    return found


def _texts(of: Mapping[str, object], name: str) -> tuple[str, ...]:
    found = of.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise MalformedError(f"{name} is no list of texts")
    return tuple(found)


def _names(capabilities: Mapping[str, object], name: str) -> tuple[str, ...]:
    found = _texts(capabilities, name)
    return tuple(sorted({one.upper().removeprefix("CAP_") for one in found})) if found else ()


def _flag(of: Mapping[str, object], name: str) -> bool:
    found = of.get(name)
    if found is not None and not isinstance(found, bool):
        raise MalformedError(f"{name} is neither true nor false")
    return found is True
