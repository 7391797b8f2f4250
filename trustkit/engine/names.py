"""Ids and names of containers."""

from trustkit.errors import UsageError
from trustkit.fips.hashing import random_bytes

_ID_BYTES = 32
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_NAME_CHARS = 128
_ADJECTIVES_WORDS = """
    able agile amber ample apt avid awake balmy bold brave brief bright brisk calm candid chief civil clean
    clear clever cool cosy crisp deft direct eager early easy exact fair fast fine firm fit fleet fond free
    fresh frank full gentle glad good grand great green hale handy happy hardy honest humble ideal jolly just
    keen kind large light lively loyal lucid lucky merry mild modest neat new nimble noble open patient plain
    polite prime proud quick quiet rapid ready real rich ripe robust rosy safe sage sharp silent sincere sleek
    smart snug sober solid sound steady still strong sunny sure swift tidy true trusty upright vivid warm wary
    whole wise witty young
"""
_ADJECTIVES = _ADJECTIVES_WORDS.split()
_NOUNS_WORDS = """
    acorn alder anchor anvil apple arch ash aspen badger barley basin beacon beaver birch bison brook cabin
    canyon cedar chalk cliff clover comet copper coral crane creek delta dune eagle elder elm ember falcon
    fern finch fjord flint forest fox garnet glacier grove harbor hawk hazel heron hill holly iris island ivy
    jade juniper kestrel lagoon lake larch lark laurel ledge lily linden lotus lynx maple marble marsh meadow
    mesa moss oak ocean olive onyx opal orchid otter owl pebble pine plum pond poplar prairie quail quartz
    raven reed ridge river robin rowan sage shore slate spruce stone stream summit swan thistle tide valley
    willow wren yew zephyr
"""
_NOUNS = _NOUNS_WORDS.split()


def new_id() -> str:
    """Return 64 random hex digits."""
    return random_bytes(_ID_BYTES).hex()


def new_name(taken: frozenset[str] | set[str]) -> str:
    """Return a name like `quiet_river` that is not taken."""
    number = int.from_bytes(random_bytes(8), "big")
    base = f"{_ADJECTIVES[number % len(_ADJECTIVES)]}_{_NOUNS[(number >> 32) % len(_NOUNS)]}"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}{count}"
    return name


def require_name(name: str) -> str:
    """Return a name given by a user, without docker's leading slash.

    Raises UsageError.
    """
    bare = name.removeprefix("/")
    if bare[:1] not in _FIRST or not set(bare) <= _ALLOWED or not 1 < len(bare) <= _NAME_CHARS:
        message = f"invalid container name {name[:140]!r}"
        raise UsageError(message, next_step="use [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 128 characters")
    return bare
