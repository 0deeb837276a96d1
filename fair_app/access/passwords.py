"""Passwords, which are kept as scrypt hashes (RFC 7914) with a random salt each.

The cost follows OWASP's cheat sheet on password storage: N 2^15, r 8, p 3, about 32 MB.
"""

import hashlib
import hmac
import re
import secrets
import threading
from functools import cache
from pathlib import Path

from fair_app.errors import BadInput

SHORTEST, LONGEST = 12, 128
COST, BLOCK, LANES = 2**15, 8, 3
FORM = re.compile(r"scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([0-9a-f]{32})\$([0-9a-f]{64})")
MOST_MEMORY = 256 * 2**20
_at_once = threading.BoundedSemaphore(2)
"""Each takes 32 MB and a core for a moment: strangers shall not take them all."""


def hashed(password: str) -> str:
    """The hash of a password.

    Raises BadInput for one of fewer than 12 or more than 128 characters, and for a common one.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(f"A password has {SHORTEST} to {LONGEST} characters: choose another.")
    if _mark(password) in _common():
        raise BadInput("This password is one of the most common ones: choose another.")
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, COST, BLOCK, LANES)
    return f"scrypt${COST}${BLOCK}${LANES}${salt.hex()}${digest.hex()}"


def matches(password: str, stored: str | None) -> bool:
    """Whether a password is the one of a hash; without one it takes as long, and is not."""
    found = FORM.fullmatch(stored or NONE)
    if found is None or len(password) > LONGEST:
        return False
    cost, block, lanes = (int(number) for number in found.groups()[:3])
    digest = _scrypt(password, bytes.fromhex(found[4]), cost, block, lanes)
    return hmac.compare_digest(digest, bytes.fromhex(found[5])) and stored is not None


def is_hash(stored: str) -> bool:
    """Whether this is a hash that `matches` can read."""
    found = FORM.fullmatch(stored)
    if found is None:
        return False
    cost, block, lanes = (int(number) for number in found.groups()[:3])
    powers = cost > 1 and cost & (cost - 1) == 0
    return powers and block > 0 and lanes > 0 and 128 * cost * block <= MOST_MEMORY // 2


@cache
def _common() -> frozenset[str]:
    """The marks of the common passwords that would be long enough."""
    lines = Path(__file__).with_name("common_passwords.txt").read_text(encoding="ascii").split("\n")
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _mark(password: str) -> str:
    return hashlib.sha256(password.lower().encode("utf-8", "replace")).hexdigest()[:16]


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    with _at_once:
        return hashlib.scrypt(
            password.encode("utf-8", "replace"),
            salt=salt,
            n=cost,
            r=block,
            p=lanes,
            maxmem=MOST_MEMORY,
            dklen=32,
        )


NONE = f"scrypt${COST}${BLOCK}${LANES}${'0' * 32}${'0' * 64}"
"""What a password is compared with where there is no such user: the answer takes as long."""
