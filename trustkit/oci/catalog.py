"""What a registry holds: its repositories and their tags (distribution-spec, "Listing Tags"; `_catalog`)."""

import re
from collections.abc import Iterator

from trustkit import limits
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import LimitExceededError, ProtocolError
from trustkit.model.reference import ImageRef
from trustkit.net.http import Response
from trustkit.net.url import join
from trustkit.oci.session import Call, Endpoint, RegistrySession

_NEXT_LINK = re.compile(r'\s*<([^<>]+)>\s*;\s*rel="?next"?\s*\Z', re.IGNORECASE)
# Evidence beside images lies under such tags; it is no image.
_EVIDENCE_TAG = re.compile(r"sha256-[0-9a-f]{64}(\..*)?\Z")
_PAGE = 500


class Catalog:
    """The lists of one registry, past any mirror."""

    def __init__(self, registry: str, session: RegistrySession) -> None:
        """Take `host[:port]`; nothing is asked yet. Raises ReferenceSyntaxError."""
        self.registry = ImageRef.parse(f"docker://{registry}/any").registry
        self._session = session

    def repositories(self) -> Iterator[str]:
        """Yield every repository the credentials may see. Raises SourceError, MalformedError."""
        what = f"{self.registry}: list of repositories"
        endpoint = self._endpoint("any")._replace(repository="")
        call = Call("GET", f"/v2/_catalog?n={_PAGE}", what, scope="registry:catalog:*")
        yield from self._listed(endpoint, call, "repositories", limits.CATALOG_REPOSITORIES)

    def images(self, repository: str) -> Iterator[ImageRef]:
        """Yield the images of a repository by tag, without the tags of evidence. Raises SourceError, MalformedError."""
        what = f"{self.registry}/{repository}: list of tags"
        call = Call("GET", f"/v2/{repository}/tags/list?n={_PAGE}", what)
        for tag in self._listed(self._endpoint(repository), call, "tags", limits.CATALOG_TAGS):
            if not _EVIDENCE_TAG.match(tag):
                yield ImageRef.parse(f"docker://{self.registry}/{repository}:{tag}")

    def _endpoint(self, repository: str) -> Endpoint:
        return self._session.endpoints(ImageRef.parse(f"docker://{self.registry}/{repository}"))[-1]

    def _listed(self, endpoint: Endpoint, call: Call, member: str, most: int) -> Iterator[str]:
        count = 0
        for _ in range(limits.CATALOG_PAGES):
            answer, content = self._session.read(endpoint, call, limits.MANIFEST_BYTES)
            whole = as_object(parse(content, what=call.what, limit_bytes=limits.MANIFEST_BYTES), call.what)
            # a repository whose last tag was deleted says null
            names = [as_text(name, call.what) for name in as_list(whole.get(member) or [], call.what)]
            count += len(names)
            if count > most:
                raise LimitExceededError(f"{call.what} has more than {most} entries")
            yield from names
            link = answer.head.get("link")
            if not link or not names:
                return
            call = call._replace(target=_next_page(answer, link, call.what))
        raise LimitExceededError(f"{call.what} has more than {limits.CATALOG_PAGES} pages")


def _next_page(answer: Response, link: str, what: str) -> str:
    """Return the target of the next page, on the same host (RFC 8288)."""
    found = _NEXT_LINK.match(link)
    url = join(answer.url, found[1]) if found else None
    if url is None or url.authority != answer.url.authority or not url.target.startswith("/v2/"):
        raise ProtocolError(f"{what}: its link leads to no next page: {link[:80]!r}")
    return url.target
