"""`/trustkit/decisions`: hooks of other engines ask; the gate decides and records, and nothing is admitted here."""

import asyncio
import json

from trustkit import limits
from trustkit.codec.oci_manifest import parse_config
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.fips.hashing import digest_of
from trustkit.model.image import chain_id
from trustkit.server import admitting
from trustkit.server.message import Answer, Reply, Request
from trustkit.server.parts import Parts
from trustkit.server.shapes.facts import asked


async def decide(parts: Parts, request: Request, name: str) -> Answer:
    """Decide about `image` for `purpose` on `engine`, with what else `request` says it wants.

    The answer names what was judged. Raises MalformedError, UsageError, and as the gate does.
    """
    value = parse(request.body, what="question", limit_bytes=limits.API_BODY_BYTES)
    members = as_object(value, "question")
    ref = admitting.named(as_text(members.get("image"), "image"))
    engine, purpose = (as_text(members.get(name), name)[:64] for name in ("engine", "purpose"))
    wanted = asked(as_object(members.get("request", {}), "request"))
    facts = wanted._replace(actor=request.actor, purpose=purpose, engine=engine)
    judgement, record = await asyncio.to_thread(lambda: parts.gate().decide(ref, facts))
    finding = judgement.decision.deciding
    answer = {
        "verdict": judgement.decision.verdict,
        "rule": finding.rule if finding else "",
        "reason": finding.message if finding else "",
        "digest": str(judgement.image.digest),
        "config": str(judgement.image.config.digest),
        **_layers(judgement.image.config_bytes),
        "record": record.sequence,
    }
    return Reply(body=json.dumps(answer).encode())


def _layers(config_bytes: bytes) -> dict[str, object]:
    """Return the digests of the image's unpacked layers, and their chain id, for hooks that know what is unpacked."""
    found = parse_config(config_bytes).diff_ids if config_bytes else ()
    return {"layers": [str(digest) for digest in found], "chain": str(chain_id(found, digest_of) or "")}
