"""`spec.require`, the parts about what attestations say; loaded when a policy has one of them."""

from datetime import timedelta

from trustkit.codec.predicates import cyclonedx, provenance, scan, spdx, summary, vex
from trustkit.errors import MalformedError
from trustkit.policy.document import Rule
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, text, texts
from trustkit.policy.nodes import MAPPING, Node, refuse, shown
from trustkit.policy.quantities import duration
from trustkit.policy.regex import Regex
from trustkit.policy.rules.materials import Materials
from trustkit.policy.rules.provenance import Builder, BuiltFrom, SourceUri, known_level
from trustkit.policy.rules.summary import Summarised
from trustkit.policy.rules.vulnerabilities import Denied, Unless, Vulnerabilities
from trustkit.policy.statements import Source

_PROVENANCE = (provenance.V02, provenance.V1)
_SCANS = (scan.COSIGN, *scan.INTOTO)
_BOMS = (*spdx.TYPES, *cyclonedx.TYPES)
_LEVELS = 4
# A prefix that stops inside a name also covers its neighbours: corp and corp-evil.
_BOUNDARIES = ("/", "@", "#", ":")


class Statements:
    """Reads each field against the attestations that `spec.verify` defines."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self._sources = sources

    def provenance(self, node: Node) -> Rule:
        """Return the rule of `require.provenance`. Raises PolicySyntaxError."""
        fields = Fields(node, ("from", "builders", "level", "source", "buildTypes", "maxAge"))
        level, listed, uri = fields.get("level"), fields.get("builders"), fields.get("source")
        wanted = integer(level, 1, _LEVELS) if level is not None else 0
        builders = tuple(_builder(item, wanted) for item in items(listed)) if listed is not None else ()
        best = max((one.level for one in builders), default=wanted)
        if level is not None and best < wanted:
            raise refuse(level, f"no builder of the list is taken for level {wanted}")
        return BuiltFrom(
            self._source(fields, "provenance", _PROVENANCE),
            builders,
            wanted,
            _source_uri(uri) if uri is not None else None,
            _texts(fields.get("buildTypes")),
            _duration(fields.get("maxAge")),
        )

    def vulnerabilities(self, node: Node) -> Rule:
        """Return the rule of `require.vulnerabilities`. Raises PolicySyntaxError."""
        fields = Fields(node, ("from", "maxScanAge", "deny", "unless"))
        denied, unless = fields.get("deny"), fields.get("unless")
        if denied is None and fields.get("maxScanAge") is None:
            raise refuse(node, "give deny or maxScanAge")
        return Vulnerabilities(
            self._source(fields, "scan", _SCANS),
            tuple(_denied(item) for item in items(denied)) if denied is not None else (),
            _duration(fields.get("maxScanAge")),
            self._unless(unless) if unless is not None else None,
        )

    def sbom(self, node: Node) -> Rule:
        """Return the rule of `require.sbom`. Raises PolicySyntaxError."""
        fields = Fields(node, ("from", "minPackages", "denyLicenses", "allowLicenses", "denyPackages"))
        least = fields.get("minPackages")
        return Materials(
            self._source(fields, "sbom", _BOMS),
            integer(least, 0, 100_000) if least is not None else 1,
            _texts(fields.get("denyLicenses")),
            _texts(fields.get("allowLicenses")),
            _texts(fields.get("denyPackages")),
        )

    def summary(self, node: Node) -> Rule:
        """Return the rule of `require.verificationSummary`. Raises PolicySyntaxError."""
        fields = Fields(node, ("from", "verifiers", "levels", "resources", "policies", "maxAge"))
        resources = fields.get("resources")
        for item in items(resources) if resources is not None else ():
            _bounded_prefix(item)
        return Summarised(
            self._source(fields, "verificationSummary", (summary.V1,)),
            texts(fields.require("verifiers")),
            _texts(fields.get("levels")),
            _texts(resources),
            _texts(fields.get("policies")),
            _duration(fields.get("maxAge")),
        )

    def materials_of(self, node: Node) -> Source:
        """Return the provenance that a node names. Raises PolicySyntaxError."""
        return self._named(node, text(node), _PROVENANCE)

    def _unless(self, node: Node) -> Unless:
        fields = Fields(node, ("vex", "from", "requireJustification"))
        listed = fields.require("vex")
        for item in items(listed):
            choice(item, (vex.NOT_AFFECTED, vex.FIXED))
        justified = fields.get("requireJustification")
        return Unless(
            self._source(fields, "vex", vex.TYPES), texts(listed), justified is not None and boolean(justified)
        )

    def _source(self, fields: Fields, default: str, types: tuple[str, ...]) -> Source:
        given = fields.get("from")
        return self._named(given or fields.node, text(given) if given is not None else default, types)

    def _named(self, node: Node, name: str, types: tuple[str, ...]) -> Source:
        found = self._sources.get(name)
        if found is None:
            known = ", ".join(sorted(self._sources)[:8]) or "none"
            step = f"say under spec.verify.attestations.{name} of which type it is and who must have signed it"
            raise refuse(node, f"unknown attestation {shown(name)}; spec.verify.attestations has {known}", step)
        if found.predicate_type not in types:
            raise refuse(node, f"attestation {shown(name)} is of type {found.predicate_type}, needed is {types[-1]}")
        return found


def expression(node: Node) -> Regex:
    """Return a regular expression. Raises PolicySyntaxError."""
    try:
        return Regex.compile(text(node))
    except MalformedError as error:
        raise refuse(node, error.message, "only RE2 syntax; the expression must match the whole text") from error


def _builder(node: Node, wanted: int) -> Builder:
    if node.kind != MAPPING:
        written = text(node)
        level = known_level(written)
        if wanted and not level:
            step = f"write {{id: {written[:60]}, level: {wanted}}} if you take it for that level"
            raise refuse(node, "which SLSA level this builder reaches is not known", step)
        return Builder(written, None, level)
    fields = Fields(node, ("id", "idRegex", "level"))
    fields.exactly_one("id", "idRegex")
    exact, regex, level_node = fields.get("id"), fields.get("idRegex"), fields.get("level")
    level = integer(level_node, 1, _LEVELS) if level_node is not None else known_level(text(exact)) if exact else 0
    if wanted and not level:
        raise refuse(node, "which SLSA level this builder reaches is not known", "add level")
    return Builder(text(exact) if exact is not None else "", expression(regex) if regex is not None else None, level)


def _source_uri(node: Node) -> SourceUri:
    fields = Fields(node, ("uri", "uriPrefix", "uriRegex"))
    fields.exactly_one("uri", "uriPrefix", "uriRegex")
    exact, prefix, regex = (fields.get(name) for name in ("uri", "uriPrefix", "uriRegex"))
    return SourceUri(
        text(exact) if exact is not None else "",
        _bounded_prefix(prefix) if prefix is not None else "",
        expression(regex) if regex is not None else None,
    )


def _bounded_prefix(node: Node) -> str:
    written = text(node)
    if not written.endswith(_BOUNDARIES):
        raise refuse(node, f"{shown(written)} also begins the names of others", "end it with /, @, # or :")
    return written


def _denied(node: Node) -> Denied:
    fields = Fields(node, ("severity", "olderThan", "kev", "fixable", "ids"))
    severity, ids = fields.get("severity"), fields.get("ids")
    if not mapping(node):
        raise refuse(node, "the mapping is empty")
    found = Denied(
        choice(severity, scan.SEVERITIES) if severity is not None else "",
        _duration(fields.get("olderThan")),
        fields.flag("kev"),
        fields.flag("fixable"),
        _texts(ids),
    )
    if found == Denied():
        raise refuse(node, "names nothing that could be denied")
    return found


def _texts(node: Node | None) -> tuple[str, ...]:
    return texts(node) if node is not None else ()


def _duration(node: Node | None) -> timedelta | None:
    return duration(node) if node is not None else None
