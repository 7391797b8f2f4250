"""What needs the gate: pulls, containers that are made, and, as the lock, containers that are started."""

from collections.abc import Callable

from trustkit import limits
from trustkit.admission.gate import Gate
from trustkit.errors import TrustkitError
from trustkit.hooks import fields
from trustkit.hooks.docker.container import ENGINE, Asked, read_created, read_stored, without_image_command
from trustkit.hooks.docker.names import require_lasting
from trustkit.hooks.docker.question import Question
from trustkit.hooks.docker.routes import require_allowed
from trustkit.hooks.docker.stored import Dockerd, StoredImage, registry_image
from trustkit.hooks.errors import HookMismatchError, HookRefusedError, HookRequestError
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple

_PULL_FIELDS = ("fromImage", "tag", "platform", "fromSrc", "repo", "message", "changes")


class Judged(NamedTuple):
    """What was admitted, and the records that say so; nothing if dockerd has nothing to act on."""

    image: str = ""
    records: tuple[int, ...] = ()
    note: str = ""


class Judge(NamedTuple):
    """Judges by the gate in force what dockerd is about to use; for threads."""

    gate: Callable[[], Gate]
    dockerd: Dockerd
    allowed: frozenset[str] = frozenset()

    def pull(self, question: Question) -> Judged:
        """Return if the image may be brought here. Raises TrustkitError."""
        query = question.fields()
        if unknown := [name for name in query if name not in _PULL_FIELDS]:
            raise HookRequestError(f"the query has {unknown[0][:40]!r}, which is not known here")
        if query.get("fromSrc"):
            require_allowed(("import",), self.allowed)
            if query.get("fromImage"):
                raise HookRequestError("the request names an image and an archive")
            return Judged(query.get("repo", ""), note="allowed by class import")
        question.require_no_body()
        ref = _pulled(query.get("fromImage", ""), query.get("tag", ""))
        request = RequestFacts(actor=question.actor, purpose="pull", engine=ENGINE)
        judgement, record = self.gate().decide(ref, request, _platform(query.get("platform", "")))
        _require_allowed(judgement)
        return Judged(str(ref), (record.sequence,))

    def create(self, question: Question) -> Judged:
        """Return if a container of it may be made; it is judged again when it starts. Raises TrustkitError."""
        question.fields()  # with a name in it that has to have one reading
        asked = read_created(question.document(), question.actor)
        self._require_classes(asked)
        image = self.dockerd.image(asked.image)
        if image is None:
            return Judged(asked.image, note="dockerd has no such image, so it makes no container")
        return self._stored(asked, image, asked.request)

    def start(self, question: Question, name: str) -> Judged:
        """Return if the container may run: what it is made of, and with, is what dockerd says. Raises TrustkitError."""
        question.require_no_body()
        if question.fields().get("checkpoint"):
            require_allowed(("checkpoint",), self.allowed)
        told = self.dockerd.container(name)
        if told is None:
            # one may come to be until dockerd looks
            raise HookRefusedError(f"dockerd has no container {name[:120]}", next_step="look at docker ps --all")
        require_lasting(name, fields.text(told, "Id"), self.dockerd)
        asked = read_stored(told, question.actor)
        self._require_classes(asked)
        image_id = fields.text(told, "Image")
        image = self.dockerd.image(image_id)
        if image is None or image.id != image_id:
            raise HookRefusedError(
                f"dockerd no longer has the image {image_id[:80]}, so nothing is known about it",
                next_step="pull the image and make the container anew",
            )
        request = without_image_command(asked.request, fields.mapping(told, "Config"), image.config)
        return self._stored(asked, image, self._with_volumes(request, asked.volumes))

    def _require_classes(self, asked: Asked) -> None:
        require_allowed(asked.classes, self.allowed)
        if asked.runtime and "runtime" not in self.allowed and asked.runtime != self.dockerd.default_runtime():
            require_allowed(("runtime",), self.allowed)

    def _with_volumes(self, request: RequestFacts, names: tuple[str, ...]) -> RequestFacts:
        """Return the request with what named volumes reach, whoever made them."""
        devices = set()
        for name in names:
            told = self.dockerd.volume(name) or {}
            if fields.text(told, "Driver") not in ("", "local"):
                require_allowed(("volume-options",), self.allowed)
            options = fields.mapping(told, "Options")
            devices |= {fields.text(options, "device")} - {""}
        return request._replace(host_mounts=tuple(sorted({*request.host_mounts, *devices})))

    def _stored(self, asked: Asked, image: StoredImage, request: RequestFacts) -> Judged:
        """Return the first of the image's names by which it is admitted. Raises TrustkitError."""
        names = _names(asked.image, image)
        if not names:
            raise HookRefusedError(
                f"{asked.image[:120]} was built, loaded or committed on this machine, so no registry vouches for it",
                next_step="push it, sign it, and pull it by its name",
            )
        refused: list[TrustkitError] = []
        for ref in names:
            try:
                judgement, record = self.gate().decide(ref, request, image.platform)
                _require_allowed(judgement)
                _require_same(judgement, image)
            except TrustkitError as error:
                refused.append(error)
            else:
                return Judged(str(ref), (record.sequence,))
        # what the policy says of one name tells more than that a registry does not have another
        raise next((error for error in refused if isinstance(error, HookRefusedError)), refused[0])


def _pulled(image: str, tag: str) -> ImageRef:
    """Return what `fromImage` and `tag` name. Raises HookRequestError, ReferenceSyntaxError."""
    if not image:
        raise HookRequestError("the request names no image")
    named = registry_image(image)
    last = image.rpartition("/")[2]
    if tag:
        if ":" in last or "@" in last:
            raise HookRequestError(f"{image[:120]!r} has a tag or digest, and {tag[:80]!r} is a second one")
        return registry_image(f"{image}{'@' if ':' in tag else ':'}{tag}")
    if ":" not in last and "@" not in last:
        raise HookRequestError(f"{image[:120]!r} names no tag, so all of them would be pulled", next_step="name one")
    return named


def _platform(text: str) -> Platform | None:
    """Return the platform that is pulled; None is this machine's. Raises HookRequestError."""
    parts = text.split("/") if text else []
    if parts and not (len(parts) in (2, 3) and all(parts)):
        raise HookRequestError(f"{text[:60]!r} is no platform", next_step="write it as linux/amd64")
    return Platform(*parts) if parts else None


def _names(written: str, image: StoredImage) -> tuple[ImageRef, ...]:
    """Return the names to judge the image by, the container's own first.

    The others count too: whoever may run the image by its id may run it by any name. containerd's store counts tags
    given on this machine among the names; no registry knows those.
    """
    try:
        own = registry_image(written).name
    except TrustkitError:
        own = ""
    return tuple(sorted(image.names, key=lambda ref: ref.name != own))[: limits.STORED_NAMES]


def _require_allowed(judgement: Judgement) -> None:
    decision = judgement.decision
    if decision.allowed:
        return
    deciding = decision.deciding
    message = deciding.message if deciding else "the policy does not allow it"
    rule = deciding.rule if deciding else decision.policy_name
    raise HookRefusedError(
        f"{judgement.facts.image.ref} is not admitted: {message} (rule {rule})",
        next_step=deciding.next_step if deciding else "",
    )


def _require_same(judgement: Judgement, image: StoredImage) -> None:
    """Return if what was judged is what dockerd would run: its ids are digests of configuration or manifest."""
    judged = judgement.image
    if image.id not in (str(judged.config.digest), str(judged.manifest.digest), str(judged.digest)):
        raise HookMismatchError(
            f"dockerd's image {image.id[:80]} is not what {judged.ref} is",
            next_step="pull the image and make the container anew",
        )
