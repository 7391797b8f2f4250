"""Policies by registry: packed, signed and pushed; pulled and put in force; and which one that is."""

import argparse
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import app
from trustkit.cli.on_record import done
from trustkit.cli.output import ago, as_json, plain
from trustkit.cli.words import actor
from trustkit.config import Config, load
from trustkit.errors import UsageError
from trustkit.model.reference import REGISTRY, ImageRef

if TYPE_CHECKING:
    from trustkit.admission.bundle_state import BundleState
    from trustkit.cli.keyless_signer import KeylessSigner
    from trustkit.cli.signer import Signer

_SCHEME = "oci://"


def push(arguments: argparse.Namespace) -> int:
    """Put a policy into a registry: its files, then its signature, then the tag.

    Raises PolicySyntaxError, RollbackError, SourceError, KeyFileError, CryptoError, AuditError.
    """
    from trustkit.admission.policy_bundle import pack, require_newer, tag_bundle
    from trustkit.admission.policy_bundle import push as push_bundle

    ref = ImageRef.parse(arguments.reference.removeprefix(_SCHEME))
    if ref.transport != REGISTRY or ref.digest is not None or not ref.tag:
        raise UsageError(
            f"{arguments.reference} names no tag of a registry", next_step="oci://registry.example/policies:prod"
        )
    config = load(os.environ)
    packed = pack(Path(arguments.file))
    signer = _signer(config, arguments)
    place = app.Sources(config).repository(ref)
    bundle = push_bundle(packed, place)
    require_newer(packed, place, ref.tag, bundle.digest)
    signed = signer.sign(str(ref.with_digest(bundle.digest)), "bundle", {})
    tag_bundle(bundle, place, place, ref.tag)
    told = {"reference": f"{_SCHEME}{ref}", "digest": str(bundle.digest), "revision": packed.revision,
            "files": sorted(packed.files), "key": signed.key, "record": signed.record}  # fmt: skip
    if arguments.output == "json":
        as_json(told)
    else:
        print(f"pushed revision {packed.revision} of {packed.policy.name} as {_SCHEME}{ref}\n  digest  {bundle.digest}")
        print(f"  key     {signed.key}\n  files   {plain(', '.join(sorted(packed.files)))}")
    return 0


def pull(arguments: argparse.Namespace) -> int:
    """Put what the registry has in force, if it is newer and holds; a refusal is on record. Raises as `pulled`."""
    from trustkit.admission.bundle_pull import pulled
    from trustkit.audit.events import policy_loaded

    config, now = _configured(), app.now()
    store = app.open_bundle(config)
    with app.open_log(config) as log:
        found = pulled(store, log, now, actor())
        if found.changed:
            policy = app.load_policy(config)
            event = policy_loaded(now, name=policy.name, digest=policy.digest, file=config.policy_bundle, actor=actor())
            done(log, f"{config.policy_bundle} is in force as {policy.digest}", [event])
    if arguments.output == "json":
        as_json({**_members(found.state), "changed": found.changed, "signed": found.signed})
    else:
        print("took a new bundle" if found.changed else "the bundle in force is the newest")
        _print(found.state, now)
        print(f"  signers   {plain(found.signed)}")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Show the bundle in force; 1 if there is none that counts. Raises ConfigError, TrustExpiredError, ..."""
    config, now = _configured(), app.now()
    store = app.open_bundle(config)
    state = store.state()
    if state is None:
        raise UsageError(f"nothing of {config.policy_bundle} is here yet", next_step="trustkit policy pull")
    if arguments.output == "json":
        as_json({**_members(state), "age_seconds": int((now - state.checked).total_seconds())})
    else:
        _print(state, now)
    # what is kept has to hold under the signers that are pinned now
    store.documents(now)
    return 0


def _members(state: "BundleState") -> dict[str, object]:
    return {**state._asdict(), "revisions": dict(state.revisions)}


def _print(state: "BundleState", now: datetime) -> None:
    print(f"  bundle    {plain(state.reference)}\n  digest    {state.digest}\n  revision  {state.revision}")
    print(f"  in force  since {state.installed.isoformat()}\n  confirmed {ago(state.checked, now)}")
    if state.problem:
        print(f"  problem   {ago(state.tried, now)}: {plain(state.problem)}")


def _configured() -> Config:
    config = load(os.environ)
    if not config.policy_bundle:
        raise UsageError("trust.policy names no policy bundle", next_step='set trust.policy = "oci://..."')
    return config


def _signer(config: Config, arguments: argparse.Namespace) -> "Signer | KeylessSigner":
    if arguments.key is None:
        from trustkit.cli.keyless_signer import KeylessSigner

        return KeylessSigner(config, arguments, actor())
    from trustkit.cli.signer import Signer

    return Signer(config, arguments.key, actor())
