"""`require.image`, the parts that only the configuration and the manifest tell: age, labels, size, history, bases."""

from datetime import timedelta

from trustkit.codec.predicates.provenance import Provenance
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, CONFIGURATION, PREDICATES, Outcome
from trustkit.policy.pattern import Pattern
from trustkit.policy.quantities import plain
from trustkit.policy.regex import Regex
from trustkit.policy.statements import Source, age_problem

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
_IMAGE_SCHEMES = ("pkg:docker/", "pkg:oci/", "docker-image://", "docker://", "oci://")


class ImageAge(NamedTuple):
    """`maxAge`: the configuration says that the image is young enough; silence is no youth."""

    most: timedelta

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.image.maxAge"

    @property
    def demands_evidence(self) -> bool:
        """It looks at no evidence."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (CONFIGURATION,)

    def judge(self, facts: Facts) -> Outcome:
        """Compare the configuration's time."""
        problem = age_problem(facts.image.created, self.most, facts.now, "the image")
        if not problem:
            return Outcome(ALLOW, f"the image is younger than {plain(self.most)}")
        return Outcome(DENY, f"requires an image of the last {plain(self.most)}; {problem}", (), "build it again")


class ImageLabel(NamedTuple):
    """`labels.NAME`: the label has this value, matches this expression, or is there at all."""

    name: str
    value: str = ""
    regex: Regex | None = None

    @property
    def demands_evidence(self) -> bool:
        """It looks at no evidence."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (CONFIGURATION,)

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return f"require.image.labels.{self.name}"

    def judge(self, facts: Facts) -> Outcome:
        """Compare the configuration's label."""
        found = dict(facts.image.labels).get(self.name)
        if found is None:
            return Outcome(DENY, f"requires the label {self.name}; found none", (), "build the image with the label")
        fits = self.regex.matches(found) if self.regex is not None else not self.value or found == self.value
        if fits:
            return Outcome(ALLOW, f"the label {self.name} is {found[:80]!r}")
        wanted = self.regex.text if self.regex is not None else self.value
        return Outcome(DENY, f"requires the label {self.name} to be {wanted}; found {found[:80]!r}")


class ImageSize(NamedTuple):
    """`maxSize` and `maxLayers`: what the manifest lists is no more than this."""

    field: str
    most: int

    @property
    def demands_evidence(self) -> bool:
        """It looks at no evidence."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (CONFIGURATION,)

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return f"require.image.{self.field}"

    def judge(self, facts: Facts) -> Outcome:
        """Compare the manifest's sums."""
        found, unit = (facts.image.layers, "layers") if self.field == "maxLayers" else (facts.image.size_bytes, "bytes")
        if found <= self.most:
            return Outcome(ALLOW, f"the image has {found} {unit}")
        return Outcome(DENY, f"requires at most {self.most} {unit}; found {found}")


class ImageHistory(NamedTuple):
    """`denyHistory`: no step of the build matches one of these expressions; an image without history is refused."""

    denied: tuple[Regex, ...]

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.image.denyHistory"

    @property
    def demands_evidence(self) -> bool:
        """It looks at no evidence."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (CONFIGURATION,)

    def judge(self, facts: Facts) -> Outcome:
        """Match each step."""
        if not facts.image.history:
            return Outcome(DENY, "requires an image with a history; found none", (), "build it without squashing")
        for step in facts.image.history:
            hit = next((one for one in self.denied if one.matches(step)), None)
            if hit is not None:
                return Outcome(DENY, f"a step of the build is denied by {hit.text[:120]}: {step[:120]!r}")
        return Outcome(ALLOW, "no step of the build is denied")


class BaseImages(NamedTuple):
    """`baseImages`: every image this one was built from fits one of the patterns, NAME@DIGEST.

    The first source that names any decides: provenance names stage images as well. A label is no better than
    whoever built the image.
    """

    patterns: tuple[Pattern, ...]
    sources: tuple[Source | None, ...]

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.image.baseImages"

    @property
    def demands_evidence(self) -> bool:
        """Provenance must be verified; a label is just there."""
        return None not in self.sources

    @property
    def reads(self) -> tuple[str, ...]:
        """What the sources need."""
        proven = (ATTESTATIONS, PREDICATES) if any(self.sources) else ()
        return (*proven, CONFIGURATION) if None in self.sources or not proven else proven

    def judge(self, facts: Facts) -> Outcome:
        """Compare every base image of the first source that names one."""
        for source in self.sources:
            bases = _labelled(facts) if source is None else _built_from(source, facts)
            if not bases:
                continue
            wrong = [base for base in bases if not any(pattern.matches(base) for pattern in self.patterns)]
            if not wrong:
                return Outcome(ALLOW, f"built from {', '.join(bases[:4])}")
            allowed = ", ".join(pattern.text for pattern in self.patterns)
            return Outcome(DENY, f"requires base images {allowed}; found {', '.join(wrong[:4])}")
        return Outcome(DENY, "requires known base images; nothing that counts names them")


def _labelled(facts: Facts) -> list[str]:
    labels = dict(facts.image.labels)
    name = labels.get(BASE_NAME, "")
    if not name:
        return []
    plain_name = name.partition("@")[0]
    last = plain_name.rpartition("/")[2]
    if ":" in last:
        plain_name = plain_name[: len(plain_name) - len(last)] + last.partition(":")[0]
    return [f"{plain_name}@{labels.get(BASE_DIGEST) or name.partition('@')[2]}"]


def _built_from(source: Source, facts: Facts) -> list[str]:
    """Return the images among the materials; of a provenance without any, nothing."""
    found: dict[str, None] = {}
    for one in source.counted(facts):
        if isinstance(one.said, Provenance):
            for material in one.said.materials:
                if material.uri.startswith(_IMAGE_SCHEMES):
                    found[_base_of(material.uri, dict(material.digests).get("sha256", ""))] = None
    return list(found)


def _base_of(uri: str, digest: str) -> str:
    """Return NAME@DIGEST of a material, as BuildKit and the purl specification write it."""
    scheme = next(one for one in _IMAGE_SCHEMES if uri.startswith(one))
    name, _, query = uri.removeprefix(scheme).partition("?")
    name, _, told = name.partition("@")
    last = name.rpartition("/")[2]
    if not scheme.startswith("pkg:") and ":" in last:
        name = name[: len(name) - len(last)] + last.partition(":")[0]
    if scheme == "pkg:oci/":
        places = [part.removeprefix("repository_url=") for part in query.split("&") if "repository_url=" in part]
        name = places[0].replace("%2F", "/").replace("%3A", ":") if places else name
    elif scheme.startswith("pkg:") and "." not in name.partition("/")[0] and ":" not in name.partition("/")[0]:
        name = f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"
    exact = f"sha256:{digest}" if digest else told if told.startswith("sha256:") else ""
    return f"{name}@{exact}"
