"""Config to ready parts: the only file that names concrete classes.

Each function loads what it needs when it is called, so that a command pays only for its own parts.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import __version__
from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.in_force import PolicyGate, Standing
from trustkit.admission.judge import Kit
from trustkit.admission.policies import (
    Document,
    builtin_policy,
    key_lives,
    policy_from,
    read_documents,
    read_policy,
    trust_roots,
    within,
)
from trustkit.audit.events import log_started
from trustkit.audit.log import DecisionLog
from trustkit.config import Config
from trustkit.errors import ConfigError, KeyFileError, UsageError
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.select import choose, is_fixed, provider
from trustkit.model.keys import KEY_NAME
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.policy.document import Policy, breaks_glass, means_of
from trustkit.policy.trusted import DEFAULT_ROOT, SIGSTORE, PolicyIdentity, PolicyRoot, Signer
from trustkit.shared import known_revocations, shared_evidence
from trustkit.signing.format import SignatureFormat
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.trust.roots import TrustedRepository, TrustRoots
from trustkit.sources import Sources as Sources  # noqa: PLC0414  (its public home)
from trustkit.trusted_files import key_bytes, sigstore_root

if TYPE_CHECKING:  # dataclasses and the engine are loaded by the daemon only
    from trustkit.admission.bundle_store import BundleStore
    from trustkit.admission.content_trust import Repositories
    from trustkit.admission.grants import GrantFolder
    from trustkit.admission.policy_bundle import Pins
    from trustkit.engine.settings import EngineSettings
    from trustkit.hooks.docker.serving import Settings as AuthzSettings
    from trustkit.hooks.kubernetes.serving import Settings as WebhookSettings
    from trustkit.signing.notation.fetch import RevocationSource
    from trustkit.signing.trust_root.cache import Distributed


def now() -> datetime:
    """Return the time; every floor below is given it."""
    return datetime.now(UTC)


def open_crypto(config: Config) -> CryptoProvider:
    """Return the provider that does all maths of this process: FIPS mode's, else the configured. Raises UsageError."""
    return provider() if is_fixed() else choose(config.text("crypto.provider"))


def open_log(config: Config) -> DecisionLog:
    """Open the decision log. Raises AuditError, StorageError."""
    return DecisionLog(config.audit, open_crypto(config))


def formats(trust: TrustRoots, *, every: bool = False) -> tuple[SignatureFormat, ...]:
    """Return the built-in signature formats that something trusted could have signed in, or `every` one."""
    found: tuple[SignatureFormat, ...] = (SigstoreBundle(), CosignSignature(), CosignAttestation())
    if trust.openpgp or every:
        from trustkit.signing.formats.simple_signing import SimpleSigning

        found += (SimpleSigning(),)
    if trust.stores or every:
        from trustkit.signing.formats.notation import NotationSignature

        found += (NotationSignature(),)
    return found


def key_ring(config: Config) -> dict[str, bytes]:
    """Return the public keys of the user's key ring by name. Raises KeyFileError.

    A file that `trustkit key list` would not show is not trusted in silence.
    """
    if not config.keys.is_dir():
        return {}
    files = sorted(config.keys.glob("*.pub"))
    for file in files:
        if not KEY_NAME.match(file.stem):
            raise KeyFileError(f"{file}: {file.stem!r} is no key name", next_step="remove or rename the file")
    return {file.stem: key_bytes(file) for file in files}


def public_keys(config: Config, given: Sequence[str]) -> dict[str, bytes]:
    """Return the public keys that names of the ring or files stand for. Raises KeyFileError."""
    found = {}
    for name in given:
        if ":" in name and (remote := _remote_public(config, name)):
            found[remote[0]] = remote[1]
            continue
        ringed = config.keys / f"{name}.pub"
        if "/" not in name and Path(name).is_file() and ringed.is_file():
            message = f"{name} is both a key of the key ring and a file here"
            raise KeyFileError(message, next_step=f"write ./{name} for the file, or go to another folder")
        file = Path(name) if Path(name).is_file() or "/" in name or not ringed.is_file() else ringed
        found[file.stem if file == ringed else name] = key_bytes(file)
    return found


def _remote_public(config: Config, given: str) -> tuple[str, bytes] | None:
    """Return name and PEM of the public key in a token or a cloud, or None if the text is no such URI."""
    from trustkit.signing.key_providers.remote import public_pem

    return public_pem(given, open_crypto(config), config.path("keys.pkcs11_module"))


def load_policy(config: Config, file: Path | None = None) -> Policy:
    """Return the policy in force: the given file, the configured one, or the built-in one."""
    if file is None and config.policy_bundle:
        from trustkit.admission.bundle_pull import documents_in_force

        return policy_from(documents_in_force(open_bundle(config), partial(open_log, config), now()))
    path, module = file or config.policy, config.path("keys.pkcs11_module")
    found = None if path else distributed(config)
    if found is not None:
        from trustkit.admission.distributed import policy_of

        return policy_of(found, key_ring(config), module)
    return read_policy(path, module=module) if path else builtin_policy(key_ring(config))


def open_bundle(config: Config) -> "BundleStore":
    """Return the configured policy bundle as it is kept here. Raises ConfigError, KeyFileError."""
    from trustkit.admission.bundle_store import BundleStore

    hours = config.number("trust.policy_max_age")
    folder = config.home / "policy-bundle"
    return BundleStore(folder, config.policy_bundle, _policy_signers(config), Sources(config), hours)


def _policy_signers(config: Config) -> "Pins":
    """Return who has to have signed the policy bundle. Raises ConfigError for nobody, KeyFileError."""
    from trustkit.admission.policy_bundle import Pins

    # a name is a key of the ring; a file lies beside the configuration, wherever a daemon was started
    given = [name if "/" not in name else str(config.file.parent / name) for name in config.items("trust.policy_keys")]
    keys = {name: key_bytes(Path(name) if "/" in name else config.keys / f"{name}.pub") for name in given}
    subject, issuer = config.text("trust.policy_identity"), config.text("trust.policy_issuer")
    if bool(subject) != bool(issuer) or not (keys or subject):
        raise ConfigError(
            f"trust.policy {config.policy_bundle}: nothing says who has to sign it",
            next_step="set trust.policy_keys, or trust.policy_identity and trust.policy_issuer",
        )
    identities = (PolicyIdentity(subject, DEFAULT_ROOT, subject, issuer=issuer),) if subject else ()
    roots = (PolicyRoot(SIGSTORE, DEFAULT_ROOT, sigstore_root(config)),) if subject else ()
    needed = int(config.number("trust.policy_threshold"))
    policy = builtin_policy(keys, "policy-signers", identities=identities, roots=roots, threshold=needed)
    trust = in_force(config, trust_roots(policy))
    return Pins(policy, trust, formats(trust), open_crypto(config))


def distributed(config: Config) -> "Distributed | None":
    """Return what the configured trust root distributes, if any. Raises as `read_cache` does."""
    folder = config.path("trust.root")
    if folder is None:
        return None
    from trustkit.signing.trust_root.cache import read_cache

    return read_cache(folder, now(), config.number("trust.root_grace"))


def in_force(config: Config, trust: TrustRoots) -> TrustRoots:
    """Return the trust within what the user's key ring and the configured trust root say of its keys.

    Raises KeyFileError, and as `read_cache` does.
    """
    trust, revoking = within(trust, key_lives(config.keys)), distributed(config)
    return revoking.applied(trust) if revoking else trust


def open_gate(
    config: Config,
    *,
    policy: Policy | None = None,
    trust: TrustRoots | None = None,
    log: AuditLog | None = None,
    at_once: bool = True,
) -> Gate:
    """Return the gate of a policy, under its roots or `trust`. Raises PolicySyntaxError, AuditError, StorageError."""
    decided = policy or load_policy(config)
    trust = in_force(config, trust or trust_roots(decided))
    means = means_of(decided)
    sources = Sources(config, simple_signatures=bool(trust.openpgp), asked=means.registry)
    kit = Kit(
        open_source=sources,
        formats=formats(trust),
        crypto=open_crypto(config),
        policy=decided,
        means=means,
        trust=trust,
        now=now,
        at_once=at_once,
        ask_revocation=_revocation_source(config) if trust.asks_revocation else None,
        ask_repository=_tag_proofs(config) if trust.repositories else None,
        grants=open_grants(config) if breaks_glass(decided) else None,
        revocations=known_revocations(config, open_crypto(config)),
        open_with=sources.with_credentials,
    )
    return Gate(kit, log or open_log(config))


def open_grants(config: Config) -> "GrantFolder":
    """Return the break-glass grants of this machine."""
    from trustkit.admission.grants import GrantFolder

    return GrantFolder(config.home / "break-glass")


def _revocation_source(config: Config) -> "RevocationSource":
    from trustkit.signing.notation.fetch import RevocationSource

    folder, ca_file = config.home / "revocation", config.path("registry.ca_file")
    return RevocationSource(folder, open_crypto(config), offline=config.flag("revocation.offline"), ca_file=ca_file)


def _tag_proofs(
    config: Config,
) -> Callable[[VerificationReport, ImageRef, tuple[TrustedRepository, ...]], VerificationReport]:
    from trustkit.admission.tag_proofs import with_tag_proofs

    ask, server = open_repositories(config).verified, config.text("trust.server")
    return lambda report, ref, listed: with_tag_proofs(report, ref, listed, ask, server)


def evidence_kit(config: Config, policy: Policy) -> Kit:
    """Return what is needed to look at all evidence of images, in every format and place.

    Raises PolicySyntaxError, ConfigError, AuditError, StorageError.
    """
    with open_log(config) as log:
        kit = open_gate(config, policy=policy, log=log).kit
    return kit._replace(open_source=Sources(config, simple_signatures=True), formats=formats(kit.trust, every=True))


def keys_policy(  # noqa: PLR0913  (options of a command, each by its name)
    config: Config,
    given: Sequence[str],
    *,
    annotations: tuple[tuple[str, str], ...] = (),
    attested: str = "",
    identities: tuple[Signer, ...] = (),
    roots: tuple[PolicyRoot, ...] = (),
    threshold: int = 1,
) -> Policy:
    """Return the policy that one of these keys or identities suffices; without any, one of the key ring's keys."""
    keys = public_keys(config, given) if given or identities else key_ring(config)
    name = "key" if given else "identity" if identities else "built-in"
    if not 1 <= threshold <= max(1, len(keys) + len(identities)):
        raise UsageError(
            f"{threshold} of {len(keys) + len(identities)} signers cannot have signed",
            next_step="trust more keys, or ask for fewer",
        )
    return builtin_policy(
        keys,
        name,
        annotations=annotations,
        attested=attested,
        identities=identities,
        roots=roots,
        threshold=threshold,
    )


def open_repositories(config: Config) -> "Repositories":
    """Return the repositories under content trust that this user has seen. Raises ConfigError."""
    from trustkit.admission.content_trust import Repositories
    from trustkit.sources import registry_session

    return Repositories(registry_session(config), config.content_trust, open_crypto(config), now)


def policy_gate(
    reload: Callable[[], Config], log: DecisionLog, accept: Callable[[Policy], object] = bool
) -> PolicyGate[Config]:
    """Return what gives the gate of configuration and policy as they stand on disk, with its records in `log`.

    `accept` raises ConfigError for a policy that cannot be decided by here.
    """

    def standing(config: Config, documents: tuple[Document, ...]) -> Standing:
        module = config.path("keys.pkcs11_module")
        policy = policy_from(documents, module=module) if documents else load_policy(config)
        accept(policy)
        besides = (config, distributed(config), key_lives(config.keys))
        opened = partial(open_gate, config, policy=policy, log=log)
        return Standing(policy, besides, config.text("trust.policy"), lambda: opened().kit)

    return PolicyGate(reload, _policy_documents, standing, log, now)


def _policy_documents(config: Config) -> tuple[Document, ...]:
    """Return the documents of the configured policy, or those distributed; none for the built-in one."""
    if config.policy_bundle:
        return open_bundle(config).documents(now())
    found = None if config.policy else distributed(config)
    path = config.policy or (found.policies if found else None)
    return read_documents(path) if path else ()


def refreshing(reload: Callable[[], Config], log: DecisionLog) -> AbstractContextManager[object]:
    """Return what asks for newer policy bundles in a thread of its own for as long as it is entered."""
    from trustkit.admission.bundle_refresh import Refresher

    def due() -> tuple["BundleStore | None", float]:
        config = reload()
        return open_bundle(config) if config.policy_bundle else None, config.number("trust.policy_refresh")

    return Refresher(due, log, now)


async def serve_daemon(reload: Callable[[], Config]) -> None:
    """Run the daemon until SIGTERM or SIGINT. Containers go on; containerd ends with the last of them.

    `reload` reads the configuration; it is read again for every decision.

    Raises ConfigError, ConflictError, EngineError, StorageError, AuditError.
    """
    from trustkit.engine.service import EngineService
    from trustkit.engine.values import Status
    from trustkit.server.daemon import serve
    from trustkit.server.parts import Parts

    config = reload()
    log = open_log(config)
    log.append(log_started(now(), actor="daemon", version=__version__, crypto=open_crypto(config).status()))
    engine = await EngineService.open(engine_settings(config))
    try:
        gate = policy_gate(reload, log)
        parts = Parts(
            engine=engine,
            gate=gate,
            log=log,
            now=now,
            socket=config.socket,
            policy_file=lambda: reload().text("trust.policy"),
            policy_problem=gate.problem,
        )
        with refreshing(reload, log):
            await serve(parts, group=config.text("daemon.group"), records=log.records)
    finally:
        running = [container for container in await engine.list() if container.status is Status.RUNNING]
        await engine.close(stop_containerd=not running)
        log.close()


def engine_settings(config: Config) -> "EngineSettings":
    """Return what the engine needs to know."""
    from trustkit.engine.settings import EngineSettings

    runtime = config.text("engine.runtime")
    return EngineSettings(
        directory=config.engine,
        run_directory=config.run,
        clock=now,
        containerd_address=config.path("engine.containerd"),
        runtime_binary=None if runtime == "runc" else runtime,
        bridge=config.text("engine.bridge"),
        subnet=config.text("engine.subnet"),
    )


async def serve_webhook(
    reload: Callable[[], Config], settings: "WebhookSettings", ready: Callable[[str], None]
) -> None:
    """Answer admission reviews until SIGTERM or SIGINT. Raises ConfigError, StorageError, AuditError."""
    from trustkit.hooks.kubernetes.serving import accept, serve

    config = reload()
    with open_log(config) as log, refreshing(reload, log):
        shared = shared_evidence(config, open_crypto(config), now)
        await serve(policy_gate(reload, log, accept(settings)), log, now, settings._replace(shared=shared), ready)


async def serve_docker_authz(
    reload: Callable[[], Config], settings: "AuthzSettings", ready: Callable[[], None]
) -> None:
    """Answer dockerd until SIGTERM or SIGINT. Raises ConfigError, StorageError, AuditError."""
    from trustkit.hooks.docker.serving import serve

    with open_log(reload()) as log, refreshing(reload, log):
        await serve(policy_gate(reload, log), log, now, settings, ready)
