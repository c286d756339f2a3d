"""The key of W&B, and the server that it is for, as the SDK finds them; the SDK itself is not imported."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_URL = "https://api.wandb.ai"


def base_url() -> str:
    """The server: ``WANDB_BASE_URL``, or the public one."""
    return (os.environ.get("WANDB_BASE_URL") or DEFAULT_URL).rstrip("/")


def find_key() -> str | None:
    """The API key where the SDK looks for it: ``WANDB_API_KEY``, then the netrc file's entry for the server.

    The SDK itself is not imported, and nothing is asked.
    """
    if key := os.environ.get("WANDB_API_KEY", "").strip():
        return key
    named = os.environ.get("NETRC")
    try:
        candidates = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
        path = next((path for path in candidates if path.is_file()), None)
        entry = netrc.netrc(path).authenticators(urlsplit(base_url()).netloc) if path else None
    except (OSError, RuntimeError, netrc.NetrcParseError):
        return None
    return (entry[2] or None) if entry else None
