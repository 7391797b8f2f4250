"""`require.image`: what the image's own configuration must say."""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.image import Platform
from trustkit.model.values import NamedTuple
from trustkit.policy.document import CONFIGURATION, Outcome
from trustkit.policy.user import root_problem


class ImageUser(NamedTuple):
    """`denyRootUser`: the image names a user that is not root."""

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.image.denyRootUser"

    @property
    def demands_evidence(self) -> bool:
        """It looks at the configuration only."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """The image's configuration."""
        return (CONFIGURATION,)

    def judge(self, facts: Facts) -> Outcome:
        """Look at the configuration's user."""
        problem = root_problem(facts.image.user)
        if not problem:
            return Outcome(ALLOW, f"the image's user is {facts.image.user}")
        message = f"requires an image with a user other than root; {problem}"
        return Outcome(DENY, message, (), "build the image with a numeric USER, such as USER 10001")


class ImagePlatform(NamedTuple):
    """`platforms`: the image that would run is for one of these; without a variant, any variant."""

    platforms: tuple[Platform, ...]

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.image.platforms"

    @property
    def demands_evidence(self) -> bool:
        """It looks at the manifest only."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """The image's configuration."""
        return (CONFIGURATION,)

    def judge(self, facts: Facts) -> Outcome:
        """Compare the platform of the resolved manifest."""
        found = facts.image.platform
        for allowed in self.platforms:
            if found[:2] == allowed[:2] and allowed.variant in ("", found.variant):
                return Outcome(ALLOW, f"the platform is {found}")
        wanted = ", ".join(str(platform) for platform in self.platforms)
        return Outcome(DENY, f"requires platform {wanted}; found {found}", (), f"choose one with --platform: {wanted}")
