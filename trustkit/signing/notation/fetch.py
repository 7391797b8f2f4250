"""Fetch what authorities say about revocation, before verification starts: lists and OCSP answers, over HTTP.

Only for certificates of chains that end in a trusted store, so that nobody else's certificate says where to connect
to. What is kept holds: it is signed by the certificate's issuer and current.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from trustkit import limits
from trustkit.codec import certificate_extensions as extensions
from trustkit.codec.certificate import Certificate
from trustkit.codec.crl import parse_revocation_list
from trustkit.codec.ocsp import GOOD, REVOKED, question
from trustkit.durable import make_folder, write_file
from trustkit.errors import CertificateRevokedError, MalformedError, ProtocolError, StorageError, TrustkitError
from trustkit.fips.hashing import sha256
from trustkit.fips.provider import CryptoProvider
from trustkit.model.evidence import NOTARY_SIGNATURE, Evidence
from trustkit.model.notation import AUTHENTIC_TIME
from trustkit.net.connection import Timeouts
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import parse as parse_url
from trustkit.signing.notation import envelope
from trustkit.signing.notation.ocsp import certificate_id, status_in
from trustkit.signing.notation.revocation import Told, asked_about, in_list, require_standing
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.signing_time import signing_time
from trustkit.signing.notation.verify import chain_of, trusted
from trustkit.signing.trust.roots import TrustRoots

_OK = 200
_LIST, _ANSWER = "crl", "ocsp"


class RevocationSource:
    """The authorities, and a folder with what they said lately; `offline` asks nobody."""

    def __init__(self, folder: Path, crypto: CryptoProvider, *, offline: bool, ca_file: Path | None = None) -> None:
        """Keep answers in `folder`."""
        self._folder, self._crypto, self._offline, self._ca_file = folder, crypto, offline, ca_file

    def __call__(self, items: Iterable[Evidence], trust: TrustRoots, now: datetime) -> tuple[TrustRoots, list[str]]:
        """Return the trust roots with what is said about the items' certificates, and what could not be found out.

        Raises nothing for what authorities and signers do: what is missing is missing when it is verified.
        """
        asking = _Asking(self._folder, self._crypto, now, offline=self._offline, ca_file=self._ca_file)
        told = Told(trust.revocation_lists, trust.ocsp_answers)
        for item in items:
            if item.artifact_type == NOTARY_SIGNATURE:
                told = asking.about(item, trust, told)
        return trust._replace(revocation_lists=told.lists, ocsp_answers=told.answers), asking.notes


class _Asking:
    def __init__(
        self, folder: Path, crypto: CryptoProvider, now: datetime, *, offline: bool, ca_file: Path | None
    ) -> None:
        self._folder, self._crypto, self._now = folder, crypto, now
        self._offline, self._ca_file = offline, ca_file
        self._left = limits.REVOCATION_FETCHES
        self.notes: list[str] = []

    def about(self, item: Evidence, trust: TrustRoots, told: Told) -> Told:
        """Return what is told with what the authorities say about an item's certificates."""
        try:
            found = envelope.read(item.media_type, item.content)
            chain = chain_of(found, self._crypto)
            trusted(chain, str(found.attributes.get(envelope.SCHEME)), trust.stores)
            asked = (*asked_about(chain), *asked_about(self._stamped_by(found, chain, trust)))
        except TrustkitError:
            return told  # verification says why
        # from the root down: what a leaf names must not use up the questions about those who issued it
        for certificate, issuer in reversed(asked):
            told = self._about_one(certificate, issuer, told)
        return told

    def _stamped_by(
        self, found: envelope.Envelope, chain: tuple[Certificate, ...], trust: TrustRoots
    ) -> tuple[Certificate, ...]:
        """Return the chain of the trusted authority whose timestamp will count; none where no time is looked at."""
        if AUTHENTIC_TIME in trust.notation.skipped:
            return ()
        try:
            return signing_time(found, chain, Rules(trust.stores, trust.notation), self._now, self._crypto).stamped_by
        except TrustkitError:
            return ()  # verification says why

    def _about_one(self, certificate: Certificate, issuer: Certificate, told: Told) -> Told:
        """Ask responders first, as they know most lately, then lists, until one tells; what is at hand may do."""
        if self._is_known(certificate, issuer, told):
            return told
        for url in extensions.ocsp_addresses(certificate):
            content = self._told(_ANSWER, url, certificate, issuer)
            if content:
                return told._replace(answers=(*told.answers, content))
        for url in extensions.crl_addresses(certificate):
            content = self._told(_LIST, url, certificate, issuer)
            if content:
                return told._replace(lists=(*told.lists, content))
        return told

    def _is_known(self, certificate: Certificate, issuer: Certificate, told: Told) -> bool:
        try:
            require_standing(certificate, issuer, told, self._now, self._crypto)
        except CertificateRevokedError:
            return True
        except TrustkitError:
            return False
        return True

    def _told(self, kind: str, url: str, certificate: Certificate, issuer: Certificate) -> bytes:
        """Return what an authority says and what holds, kept or fetched; nothing if there is none."""
        asked = question(certificate_id(certificate, issuer)) if kind == _ANSWER else b""
        file = self._folder / f"{sha256(url.encode('utf-8') + asked).hex()}.{kind}"
        kept = self._kept(file, kind)
        holds = bool(kept) and self._holds(kind, kept, certificate, issuer)
        if holds and (self._offline or self._is_fresh(file)):
            return kept
        if self._offline:
            self.notes.append(f"{url} was not asked about revocation: offline")
            return b""
        try:
            content = self._fetched(kind, url, asked)
            if not self._holds(kind, content, certificate, issuer, loud=True):
                raise ProtocolError("what it says is about something else, or out of date")
            self._keep(file, content)
        except TrustkitError as error:
            self.notes.append(f"{url[:200]} did not say whether a certificate was revoked: {error.message}")
            return kept if holds else b""
        return content

    def _holds(
        self, kind: str, content: bytes, certificate: Certificate, issuer: Certificate, *, loud: bool = False
    ) -> bool:
        """Whether it is the issuer's word on the certificate and current; `loud` raises why it is not usable."""
        says = status_in if kind == _ANSWER else in_list
        try:
            return says(content, certificate, issuer, self._now, self._crypto) in (GOOD, REVOKED)
        except TrustkitError:
            if loud:
                raise
            return False

    def _fetched(self, kind: str, url: str, asked: bytes) -> bytes:
        if self._left <= 0:
            raise ProtocolError(f"more than {limits.REVOCATION_FETCHES} questions for one image")
        self._left -= 1
        place = parse_url(url)
        # Both are signed and public; authorities serve them without TLS on purpose (RFC 5280 8, RFC 6960 A.1).
        plain = (place.authority, f"{place.host}:{place.port}") if place.scheme == "http" else ()
        wait = Timeouts(limits.REVOCATION_SECONDS, limits.REVOCATION_SECONDS)
        client = HttpClient(HttpOptions(ca_file=self._ca_file, insecure_hosts=plain, timeouts=wait))
        try:
            if kind == _ANSWER:
                headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
                response = client.send(Request("POST", place, headers, asked))
            else:
                response = client.send(Request("GET", place))
            if response.status != _OK:
                response.close()
                raise ProtocolError(f"{place.authority} answers {response.status}")
            if kind == _ANSWER:
                return response.read(limits.OCSP_BYTES, "the OCSP answer")
            return response.read(limits.REVOCATION_LIST_BYTES, "the revocation list")
        finally:
            client.close()

    def _kept(self, file: Path, kind: str) -> bytes:
        limit = limits.OCSP_BYTES if kind == _ANSWER else limits.REVOCATION_LIST_BYTES
        try:
            with file.open("rb") as stream:
                return stream.read(limit + 1)
        except OSError:
            return b""

    def _is_fresh(self, file: Path) -> bool:
        """Whether it was fetched so lately that it need not be asked for again."""
        try:
            age = (self._now - datetime.fromtimestamp(file.stat().st_mtime, UTC)).total_seconds()
        except OSError:
            return False
        return age < limits.REVOCATION_CACHE_SECONDS

    def _keep(self, file: Path, content: bytes) -> None:
        try:
            make_folder(self._folder)
            write_file(file, content)
            files = sorted(self._folder.iterdir(), key=lambda one: one.stat().st_mtime)
            for old in files[: -limits.REVOCATION_FILES]:
                old.unlink(missing_ok=True)
        except (OSError, StorageError) as error:
            self.notes.append(f"what {file.suffix[1:]} said could not be kept: {error}")


def usable_list(content: bytes) -> bytes:
    """Return the DER of a revocation list from a file, PEM or DER. Raises MalformedError, LimitExceededError."""
    from trustkit.codec import pem

    if content.lstrip().startswith(b"-----BEGIN "):
        blocks = pem.decode_all(content, ("X509 CRL",))
        if len(blocks) != 1:
            raise MalformedError("not one revocation list, but several")
        content = blocks[0][1]
    parse_revocation_list(content)
    return content
