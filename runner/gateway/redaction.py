"""Texts as a log may keep them: keys and addresses out, as far as they can be told by their form."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: What a key, and an address, is written as in a log.
KEY, ADDRESS = "[key]", "[address]"
_KEYS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\bBearer\s{1,4}[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}"
    r"|\b(?:ghp|gho|ghu|ghs|ghr|glpat|hf|xox[abprs]|npm|pypi)[-_][A-Za-z0-9_-]{12,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{0,1000}"
    r"|(?i:\b(?:api[_-]?key|secret|password|passwd|token)\b[\"']?\s{0,4}[:=]\s{0,4}[\"']?)[^\s\"',;]{6,}",
    re.DOTALL,
)
_ADDRESSES = re.compile(
    r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
    r"|\b(?:\d{1,3}\.){3}\d{1,3}\b"
    r"|\b[a-z][a-z0-9+.-]{1,20}://[^\s<>\"']+",
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without ``secrets``, without what looks like a key, an e-mail's, a machine's or a page's address."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, KEY)
    return _ADDRESSES.sub(ADDRESS, _KEYS.sub(KEY, text))
