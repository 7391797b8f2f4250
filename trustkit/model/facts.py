"""The documented vocabulary of policies: what a rule may look at, and nothing else."""

from datetime import datetime

from trustkit.model.crypto import ModuleStatus
from trustkit.model.digest import Digest
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.model.values import NamedTuple


class Child(NamedTuple):
    """A manifest that an index lists, and the platform it is listed for; `nested` if it is an index itself."""

    digest: Digest
    platform: Platform
    nested: bool = False


class ImageFacts(NamedTuple):
    """The image as resolved. `pinned`: the reference itself carried the digest.

    `history` has what made each layer, as the configuration says, the oldest first.
    """

    ref: ImageRef
    digest: Digest
    manifest_digest: Digest
    platform: Platform
    pinned: bool
    created: datetime | None = None
    user: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    size_bytes: int = 0
    layers: int = 0
    history: tuple[str, ...] = ()
    children: tuple[Child, ...] = ()


class RequestFacts(NamedTuple):
    """What is asked: who, for what, and every way in which a run reaches outside its container.

    `purpose` is `verify`, `pull`, `run`, `explain` or `build`. `user` is the user the container would run
    as: the request's, else the image's (`""` and `0` mean root). A run is admitted for exactly
    these facts; a wider one needs a new decision. `volumes` are Kubernetes' kinds of them; `new_privileges`:
    processes may gain more than their parent has; `non_root`: whoever starts it refuses to do so as root; `pod_root`:
    its pod asks for root, even where the container asks for another user. `selinux`: user:role:type, with a comma
    between two that a pod and its container say.
    """

    actor: str = ""
    purpose: str = "verify"
    engine: str = "trustkit"
    privileged: bool = False
    host_network: bool = False
    host_pid: bool = False
    host_mounts: tuple[str, ...] = ()
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    user: str = ""
    read_only: bool = False
    seccomp: str = "default"
    command: tuple[str, ...] = ()
    host_ipc: bool = False
    host_process: bool = False
    host_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    new_privileges: bool = True
    non_root: bool = False
    pod_root: bool = False
    proc_mount: str = "default"
    selinux: str = ""
    apparmor: str = "default"
    namespace: str = ""
    namespace_labels: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    slot: str = ""


class Facts(NamedTuple):
    """Everything a policy judges; `revoked` says why the image itself was given up, if it was."""

    image: ImageFacts
    report: VerificationReport
    crypto: ModuleStatus
    request: RequestFacts
    now: datetime
    revoked: str = ""
