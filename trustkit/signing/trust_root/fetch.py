"""What `tuf` downloads comes through trustkit's bounded HTTP client.

Metadata and files prove themselves, so a mirror may be plain HTTP.
"""

from collections.abc import Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import parse


class Fetcher(FetcherInterface):
    """Fetches from one mirror."""

    def __init__(self, mirror: str, ca_file: Path | None) -> None:
        """Allow the mirror's host to be spoken to as its URL says. Raises ProtocolError."""
        url = parse(mirror)
        plain = (f"{url.host}:{url.port}",) if url.scheme == "http" else ()
        self._client = HttpClient(HttpOptions(ca_file=ca_file, insecure_hosts=plain))

    def _fetch(self, url: str) -> Iterator[bytes]:
        """Return the body's chunks; `tuf` counts them against its limit. Raises DownloadHTTPError, SourceError."""
        response = self._client.send(Request("GET", parse(url)))
        if response.status != 200:  # noqa: PLR2004  (the one that means there it is)
            response.close()
            raise DownloadHTTPError(f"{url} answers {response.status}", response.status)
        return response.chunks()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
