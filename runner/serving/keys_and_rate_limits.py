"""Who may ask, and how often."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from runner.serving.completions import Refusal

#: Callers whose rates are kept.
KNOWN = 10_000


class Keys:
    """The keys that requests are admitted by. Without one, everybody is. None of them is told or written anywhere."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._hashes = [_hashed(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def admit(self, authorization: str | None) -> str | None:
        """A name for who asks, which tells nothing of the key; None where no key is needed.

        Raises :class:`Refusal` for a key that is none, or is not given.
        """
        if not self._hashes:
            return None
        scheme, _, given = (authorization or "").partition(" ")
        hashed = _hashed(given.strip())
        # Each is compared, and each takes as long, whatever is given.
        found = [hmac.compare_digest(hashed, known) for known in self._hashes]
        if scheme.lower() != "bearer" or not any(found):
            raise Refusal(
                401,
                "the request has no key that is known here: Authorization: Bearer KEY",
                code="invalid_api_key",
                kind="authentication_error",
            )
        return f"key {found.index(True) + 1}"


def _hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class Rate:
    """So many requests a minute of each caller, and as many at once where a caller was silent before."""

    def __init__(self, per_minute: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._now = per_minute, now
        #: What each caller has left, and when that was so.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count a request. Raises :class:`Refusal` with the seconds to wait for one too many."""
        if self._per_minute is None:
            return
        now, most = self._now(), max(1.0, self._per_minute)
        left, since = self._left.pop(caller, (most, now))
        left = min(most, left + (now - since) * self._per_minute / 60)
        if allowed := left >= 1:
            left -= 1
        self._left[caller] = (left, now)
        while len(self._left) > KNOWN:
            self._left.popitem(last=False)
        if not allowed:
            wait = int((1 - left) * 60 / self._per_minute) + 1
            raise Refusal(
                429,
                f"more than {self._per_minute:g} requests a minute: try again in {wait} s",
                code="rate_limit_exceeded",
                retry_after=wait,
            )
