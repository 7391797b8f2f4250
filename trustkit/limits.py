"""Every bound on outside input: its unit is in its name, its reason beside it."""

# OCI distribution-spec: registries should accept manifests up to 4 MiB; clients stop there.
MANIFEST_BYTES = 4 * 1024 * 1024
# An image config carries history and labels; nothing real comes near this.
CONFIG_BYTES = 8 * 1024 * 1024
# A simple-signing payload is under 1 kB; cosign caps its own at far more.
SIGNATURE_BYTES = 1024 * 1024
# SBOM and scan attestations reach several MiB (GHSA-88jx-383q-w4qc: unbounded ones exhaust memory).
ATTESTATION_BYTES = 16 * 1024 * 1024
# Signatures on one image (GHSA-95pr-fxf5-86gv: endless lists of signatures).
EVIDENCE_ITEMS = 64
# Manifests of an index whose evidence is read too; multi-platform images have about ten.
COVERED_MANIFESTS = 32
# All evidence of one image together, with that of its manifests.
EVIDENCE_BYTES = 64 * 1024 * 1024
# Signatures in one DSSE envelope.
ENVELOPE_SIGNATURES = 16
# Verifications spent on one item: every signature against every trusted key, about 70 us each.
SIGNATURE_TRIES = 1024
# A signature in base64: RSA 8192 has 1024 bytes, ML-DSA-87 4627.
SIGNATURE_TEXT_CHARS = 8192
# Subjects in one in-toto statement.
STATEMENT_SUBJECTS = 1024
# Nesting of JSON from outside; real documents stay under 20.
JSON_DEPTH = 64
# Members and elements of one JSON document from outside, against hash flooding.
JSON_NODES = 1_000_000
# Layers of one image; overlayfs stops at 500, Docker at 127.
IMAGE_LAYERS = 512
# Children of one index.
INDEX_CHILDREN = 256
# One layer, compressed.
LAYER_BYTES = 64 * 1024 * 1024 * 1024
# Entries of one image archive (docker save, oci-archive).
ARCHIVE_ENTRIES = 16_384
# One archive, unpacked from gzip; more than this ratio after the first GiB is a bomb.
ARCHIVE_BYTES = 128 * 1024 * 1024 * 1024
ARCHIVE_FREE_BYTES = 1024 * 1024 * 1024
ARCHIVE_RATIO = 100
# A pax header or GNU long name in an archive.
ARCHIVE_HEADER_BYTES = 64 * 1024
# Referrers pages followed for one digest.
REFERRERS_PAGES = 16
# Error and token bodies of a registry.
ERROR_BODY_BYTES = 64 * 1024
# Header lines of one HTTP answer.
HEADER_LINES = 128
HEADER_BYTES = 64 * 1024
# Redirects followed for one blob; registries need one.
REDIRECTS = 3
# Seconds to connect, and seconds without a byte, before a registry counts as hanging.
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
# A body must arrive at this rate on average, or its sender counts as dripping to keep us busy.
SLOWEST_BYTES_PER_SECOND = 4 * 1024
# A credential helper asks a keyring or a cloud.
HELPER_SECONDS = 20.0
# docker's config.json and a helper's answer.
CREDENTIALS_BYTES = 1024 * 1024
# Blobs fetched at once from one registry, docker's own number.
PARALLEL_DOWNLOADS = 3
# Tries of one request (429, 5xx, dropped connection), and the longest pause between them.
TRIES = 4
RETRY_PAUSE_SECONDS = 8.0
# A reference as given by a user or a client: repository names end at 255 (distribution-spec).
REFERENCE_CHARS = 1024
# A policy document and its YAML nesting.
POLICY_BYTES = 1024 * 1024
POLICY_DEPTH = 32
# A file of trust that a policy names; Debian's whole keyring has 3 MiB.
TRUST_FILE_BYTES = 4 * 1024 * 1024
# A key file.
KEY_FILE_BYTES = 64 * 1024
# scrypt parameters accepted in a cosign key file: memory is 128 * N * r bytes.
SCRYPT_MEMORY_BYTES = 256 * 1024 * 1024
# One entry of the decision log (C2SP tlog-tiles: 16-bit length).
AUDIT_ENTRY_BYTES = 65_535
# Bodies of requests to our own API.
API_BODY_BYTES = 8 * 1024 * 1024
# How long an admission may be used, and how far clocks of one machine may disagree.
ADMISSION_SECONDS = 300
# One file of content trust metadata: notary's client stops at 1 MiB for timestamps and 50 MiB for others.
TRUST_METADATA_BYTES = 8 * 1024 * 1024
# Targets of one role, and files of one snapshot.
TRUST_TARGETS = 65_536
# Signatures on one file, keys of one role, delegations of one role.
TRUST_SIGNATURES = 256
# Delegated roles visited for one tag, and roots between the trusted and the newest one.
TRUST_ROLES = 64
TRUST_ROOTS = 256
# One certificate; the longest ones with many alternative names stay under 16 KiB.
CERTIFICATE_BYTES = 32 * 1024
# Extensions of a certificate, attributes of a name, names in an extension.
CERTIFICATE_PARTS = 128
# Certificates in a chain, the leaf and the root included; public chains have three or four.
CHAIN_CERTIFICATES = 8
# Certificates offered from which a chain is built (a token, an envelope, a store).
CERTIFICATES = 256
# Signatures checked while building one chain.
CHAIN_TRIES = 32
# An RFC 3161 response with its certificates; real ones have 3 to 8 kB.
TIMESTAMP_BYTES = 64 * 1024
# Entries of transparency logs, and timestamps, that come with one signature; sigstore's own clients stop at 32.
LOG_ENTRIES = 32
TIMESTAMPS = 32
# The body of one log entry; Rekor's own limit for intoto attachments is 100 KiB, certificates and hashes need 10.
LOG_BODY_BYTES = 256 * 1024
# A path in a Merkle tree whose size is below 2^64.
PROOF_HASHES = 64
# A trusted root (the public-good instance's is 7 KiB), and the logs or authorities of one kind in it.
TRUSTED_ROOT_BYTES = 1024 * 1024
TRUSTED_ROOT_ITEMS = 64
# Files in one publication to the trust server: four roles and a delegation a signer.
TRUST_UPLOAD_FILES = 128
# One publication, all files together.
TRUST_UPLOAD_BYTES = 32 * 1024 * 1024
# Lines of its changelog given at once.
TRUST_CHANGES = 1000
# Keys the trust server holds for one role of one repository: every rotation adds one.
TRUST_SERVER_KEYS = 32
# An OpenPGP keyring; a key with many certifications reaches 100 kB.
OPENPGP_KEYRING_BYTES = 4 * 1024 * 1024
# Packets and keys of one keyring, and signatures looked at on one component of one key.
OPENPGP_PACKETS = 16_384
OPENPGP_CERTIFICATES = 256
OPENPGP_SELF_SIGNATURES = 64
# How far the signer's clock may be ahead of ours.
CLOCK_SKEW_SECONDS = 300
# A FIPS module's file, its configuration and identity, and the list of certificates.
FIPS_MODULE_BYTES = 64 * 1024 * 1024
FIPS_RECORD_BYTES = 64 * 1024
VALIDATED_LIST_BYTES = 1024 * 1024
# Manifests copied for one image with all its evidence, and how far evidence about evidence is followed.
COPY_MANIFESTS = 1024
COPY_DEPTH = 8
# A revocation list; those of large authorities reach a few megabytes.
REVOCATION_LIST_BYTES = 16 * 1024 * 1024
# An OCSP answer with its responder's certificate; real ones have 0.5 to 4 kB. Certificates one may speak of.
OCSP_BYTES = 64 * 1024
OCSP_SINGLES = 64
# Fetching of revocation data for one image: questions asked, seconds for each, and files and hours kept.
REVOCATION_FETCHES = 16
REVOCATION_SECONDS = 5.0
REVOCATION_FILES = 512
REVOCATION_CACHE_SECONDS = 24 * 3600.0
# A review: the API server stores objects of up to 1.5 MiB (etcd), and an update carries two.
REVIEW_BYTES = 6 * 1024 * 1024
# Images of one pod; a node's own default limit is 110 pods, and real pods have a handful of containers.
POD_IMAGES = 128
# Verified images kept in memory: how many, their bytes, and seconds: proven, without proof, and failed lookups.
CACHED_IMAGES = 4096
CACHED_IMAGE_BYTES = 128 * 1024 * 1024
CACHED_SECONDS = 3600.0
CACHED_EXPIRING_SECONDS = 300.0
CACHED_UNPROVEN_SECONDS = 30.0
CACHED_FAILURE_SECONDS = 5.0
# Decisions kept in memory, and for how long the passing of time may not change one.
CACHED_DECISIONS = 16_384
# Questions of reviews whose words are kept, and how many bytes one may have to be.
QUESTIONS = 2048
QUESTION_BYTES = 16 * 1024
CACHED_DECISION_SECONDS = 1.0
# Fetches of evidence at once, and reviews that wait for one.
PARALLEL_FETCHES = 16
WAITING_FETCHES = 4096
# What dockerd sends its authorization plugins: a body of at most 1 MiB, in base64, beside headers and certificates.
AUTHZ_BODY_BYTES = 1024 * 1024
AUTHZ_MESSAGE_BYTES = 4 * 1024 * 1024
# What dockerd tells of one container, image or volume, and requests it may wait for at once.
ENGINE_ANSWER_BYTES = 8 * 1024 * 1024
AUTHZ_CONNECTIONS = 256
# Names under which one image of an engine's store is looked at.
STORED_NAMES = 8
# A break-glass grant's statement, the rules it may name, grants on one machine, signatures and bytes of one file.
GRANT_BYTES = 16 * 1024
GRANT_RULES = 32
GRANTS = 256
GRANT_SIGNATURES = 16
GRANT_FILE_BYTES = 512 * 1024
# An OCI bundle's config.json; one with a seccomp profile, all devices and a hundred mounts has 60 kB.
BUNDLE_BYTES = 4 * 1024 * 1024
# A list of containers, images or layers that an engine keeps; 1,000 images need about 2 MB.
STORE_BYTES = 64 * 1024 * 1024
# One image's evidence in the shared store, values kept there (PostgreSQL), and answers of a source in one.
SHARED_ENTRY_BYTES = 1024 * 1024
SHARED_ENTRIES = 65_536
SHARED_ANSWERS = 256
# Revoked keys and images, the bytes that list them, and the words that say why.
REVOCATIONS = 10_000
REVOCATIONS_BYTES = 4 * 1024 * 1024
REVOCATION_REASON_CHARS = 512
# How long a node serves from a list of revocations before it reads it again, and leaves a store alone that failed.
REVOCATIONS_FRESH_SECONDS = 1.0
SHARED_PAUSE_SECONDS = 5.0
# A namespace as the API server tells it, and how long its labels are believed; namespaces kept, and asked for at once.
NAMESPACE_BYTES = 1024 * 1024
NAMESPACE_SECONDS = 5.0
NAMESPACE_READ_SECONDS = 3.0
CACHED_NAMESPACES = 4096
NAMESPACE_READS = 4
# Pull secrets a pod may name; sets of them whose connections are kept; how long one read from the API server counts.
PULL_SECRETS = 16
CACHED_CREDENTIALS = 256
PULL_SECRET_SECONDS = 10.0
# A service account's token; those of large clusters have 2 kB.
TOKEN_BYTES = 16 * 1024
# A policy bundle: its files, and all of them together; documents whose revisions are remembered, those that went too.
POLICY_BUNDLE_FILES = 256
POLICY_BUNDLE_BYTES = 32 * 1024 * 1024
POLICY_BUNDLE_NAMES = 4096
# What is kept of the signatures beside it: anybody may lay something there. A member takes 8 bytes at least as written,
# so it stays below JSON_NODES; a signature has some kilobytes.
POLICY_EVIDENCE_BYTES = 4 * 1024 * 1024
# Listings of a registry (distribution-spec): pages, repositories, and tags of one repository.
CATALOG_PAGES = 1000
CATALOG_REPOSITORIES = 100_000
CATALOG_TAGS = 20_000
# Images of one scan; Kubernetes supports 150,000 pods. A page of 100 pods: there are objects of up to 1.5 MiB.
SCANNED = 200_000
PODS_PAGE_BYTES = 64 * 1024 * 1024
# What an interrupted scan left behind, and the hours for which it is worth going on with.
SCAN_FILE_BYTES = 256 * 1024 * 1024
SCAN_HOURS = 24
