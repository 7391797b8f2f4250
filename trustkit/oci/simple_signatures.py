"""A registry's repository with its GPG simple signatures: by the signatures API, or by a lookaside.

The API is OpenShift's (`X-Registry-Supports-Signatures: 1` on `/v2/`):

    GET /extensions/v2/<name>/signatures/<digest>  → {"signatures":[{"schemaVersion":2,"name":"<digest>@<32 hex>",
                                                       "type":"atomic","content":"<base64>"}]}
    PUT the same path, one such object
"""

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.oci_build import compact
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import NotFoundError, UsageError
from trustkit.fips.hashing import random_bytes
from trustkit.model.digest import Digest
from trustkit.model.evidence import LOOKASIDE, SIGNATURE_API, Place
from trustkit.model.reference import ImageRef
from trustkit.net.http import HttpClient
from trustkit.oci.lookaside import Lookaside, Lookasides
from trustkit.oci.registry import RegistrySource
from trustkit.oci.session import Call, RegistrySession, http_options

_ANSWER_BYTES = 2 * limits.SIGNATURE_BYTES * 4
_WHAT = "the registry's signatures"


class SignedRegistrySource(RegistrySource):
    """A repository of a registry whose simple signatures are read and written too."""

    def __init__(self, ref: ImageRef, session: RegistrySession, lookasides: Lookasides) -> None:
        """Take the reference and the lookasides; nothing is asked yet."""
        super().__init__(ref, session)
        self._ref, self._lookasides = ref, lookasides
        self._files = HttpClient(http_options(session.options))
        self._has_api: bool | None = None

    def simple_signatures(self, place: Place, digest: Digest) -> tuple[tuple[bytes, ...], bool]:
        """Return the signatures of a manifest at one kind of place, and whether that is all.

        Raises SourceError, MalformedError, ConfigError.
        """
        if place.kind == SIGNATURE_API:
            return self._by_api(digest) if self.has_signature_api() else ((), True)
        lookaside = self._lookaside(write=False)
        return lookaside.read(digest) if place.kind == LOOKASIDE and lookaside else ((), True)

    def put_simple_signature(self, digest: Digest, content: bytes) -> str:
        """Store a signature where this repository keeps them and return where. Raises UsageError, SourceError."""
        if self.has_signature_api():
            return self._put_by_api(digest, content)
        lookaside = self._lookaside(write=True)
        if lookaside is None:
            raise UsageError(
                f"{self._ref.name} has no place for simple signatures",
                next_step="name a lookaside-staging in registries.d (see `trustkit config show registry.registries_d`)",
            )
        return lookaside.write(digest, content)

    def keeps_simple_signatures(self) -> bool:
        """Whether `put_simple_signature` has a place to write to."""
        return self.has_signature_api() or self._lookasides.base(self._ref, write=True).startswith("file://")

    def has_signature_api(self) -> bool:
        """Whether the registry says that it keeps signatures; asked once."""
        if self._has_api is None:
            call = Call("GET", "/v2/", f"{self._ref.registry}", (200,))
            answer, _ = self._session.read(self._endpoints[-1], call, limits.ERROR_BODY_BYTES)
            self._has_api = answer.head.get("x-registry-supports-signatures") == "1"
        return self._has_api

    def _lookaside(self, *, write: bool) -> Lookaside | None:
        base = self._lookasides.base(self._ref, write=write)
        return Lookaside(base, self._ref.repository, self._files) if base else None

    def _path(self, digest: Digest) -> str:
        return f"/extensions/v2/{self._endpoints[-1].repository}/signatures/{digest}"

    def _by_api(self, digest: Digest) -> tuple[tuple[bytes, ...], bool]:
        call = Call("GET", self._path(digest), f"{self._ref.name}: signatures of {digest}")
        try:
            _, content = self._session.read(self._endpoints[-1], call, _ANSWER_BYTES)
        except NotFoundError:
            return (), True
        answer = as_object(parse(content, what=_WHAT, limit_bytes=_ANSWER_BYTES), _WHAT)
        listed = [as_object(each, _WHAT) for each in as_list(answer.get("signatures") or [], _WHAT)]
        # other versions and types are other formats, which nobody has defined yet
        ours = [each for each in listed if each.get("schemaVersion") == 2 and each.get("type") == "atomic"]  # noqa: PLR2004
        kept = ours[: limits.EVIDENCE_ITEMS]
        found = tuple(base64.decode(as_text(each.get("content"), _WHAT), _WHAT) for each in kept)
        return found, len(kept) == len(ours)

    def _put_by_api(self, digest: Digest, content: bytes) -> str:
        name = f"{digest}@{random_bytes(16).hex()}"
        if content in self._by_api(digest)[0]:
            return self._path(digest)
        document = {"schemaVersion": 2, "name": name, "type": "atomic", "content": base64.encode(content)}
        call = Call(
            "PUT", self._path(digest), f"{self._ref.name}: signature {name}", (200, 201), {}, compact(document),
            actions="pull,push",
        )  # fmt: skip
        self._session.read(self._endpoints[-1], call, limits.ERROR_BODY_BYTES)
        return self._path(digest)
