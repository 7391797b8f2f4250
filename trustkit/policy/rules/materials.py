"""`require.sbom`: what is inside the image is stated, and nothing in it is denied.

`denyLicenses` and `denyPackages` are lists of denials: every counted bill of materials must be free of them.
"""

from trustkit.codec.predicates.sbom import Package, Sbom
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, PREDICATES, Outcome
from trustkit.policy.statements import Source, unread

_LISTED = 5


class Materials(NamedTuple):
    """One bill of materials must be complete enough; all must be free of what is denied."""

    source: Source
    min_packages: int = 1
    deny_licences: tuple[str, ...] = ()
    allow_licences: tuple[str, ...] = ()
    deny_packages: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.sbom"

    @property
    def demands_evidence(self) -> bool:
        """It denies when nothing was verified."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (ATTESTATIONS, PREDICATES)

    def judge(self, facts: Facts) -> Outcome:
        """Look at every bill of materials that counts."""
        counted = self.source.counted(facts)
        if not counted:
            return Outcome(DENY, self.source.missing(facts), (), "attest a bill of materials of the image")
        boms = [(one.said, one.evidence) for one in counted if isinstance(one.said, Sbom)]
        if not boms:
            return Outcome(DENY, f"the bill of materials cannot be read: {unread(counted, Sbom)}", counted[0].evidence)
        for bom, evidence in boms:
            denied = self._denied(bom)
            if denied:
                return Outcome(DENY, f"the bill of materials lists what is denied: {_listed(denied)}", evidence)
        problems = [self._problem(bom) for bom, _ in boms]
        for (_, evidence), problem in zip(boms, problems, strict=True):
            if not problem:
                return Outcome(ALLOW, "the bill of materials is as required", evidence)
        return Outcome(DENY, f"refuses the bill of materials: {problems[0]}", boms[0][1])

    def _denied(self, bom: Sbom) -> list[str]:
        licences = {name.lower() for name in self.deny_licences}
        found = [
            f"{package.name} under {licence}"
            for package in bom.packages
            for licence in package.licences
            if licence.lower() in licences
        ]
        return found + [package.name for package in bom.packages if _named(package) & set(self.deny_packages)]

    def _problem(self, bom: Sbom) -> str:
        if len(bom.packages) < self.min_packages:
            return f"it lists {len(bom.packages)} packages, required are {self.min_packages}"
        if not self.allow_licences:
            return ""
        allowed = {name.lower() for name in self.allow_licences}
        # no licence at all is none of the allowed ones
        wrong = [
            f"{package.name} under {' '.join(package.licences) or 'no stated licence'}"
            for package in bom.packages
            if not package.licences or not {name.lower() for name in package.licences} <= allowed
        ]
        return f"licences are not among the allowed ones: {_listed(wrong)}" if wrong else ""


def _named(package: Package) -> set[str]:
    return {package.name, f"{package.name}@{package.version}", package.purl, package.purl.partition("@")[0]} - {""}


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return ", ".join(one[:120] for one in found[:_LISTED]) + more
