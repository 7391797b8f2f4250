"""What dockerd has: its containers, with the registry names of the images they were made of."""

from trustkit.errors import TrustkitError
from trustkit.hooks import fields
from trustkit.hooks.docker.stored import Dockerd
from trustkit.model.found import Found

ENGINE = "docker"


def docker_images(dockerd: Dockerd) -> list[Found]:
    """Return every container with its image. Raises HookEngineError, MalformedError."""
    return [one for name in dockerd.containers() if (one := _found(dockerd, name)) is not None]


def _found(dockerd: Dockerd, name: str) -> Found | None:
    told = dockerd.container(name)
    if told is None:  # it ended while we looked
        return None
    called = fields.text(fields.mapping(told, "Config"), "Image")
    running = fields.mapping(told, "State").get("Running") is True
    at = Found(ENGINE, fields.text(told, "Name").removeprefix("/"), called, ENGINE, running)
    try:
        image = dockerd.image(fields.text(told, "Image"))
    except TrustkitError as error:
        return at._replace(problem=error.message)
    if image is None:
        return at._replace(problem="dockerd no longer has the image it was made of")
    if not image.names:
        return at._replace(problem="its image has no digest in a registry: it was built, loaded or committed here")
    # the name it was run by, else the first: it is the same image
    ref = next((one for one in image.names if called.startswith(one.given.partition("@")[0])), image.names[0])
    return at._replace(ref=ref)
