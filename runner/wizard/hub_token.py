"""A token of the Hub that a person typed: in this process's memory alone, asked after at the Hub where it can be."""

from __future__ import annotations

import os


def use(token: str) -> str:
    """Keep the token for what this process starts, and say whether the Hub knows it. It is never written or shown."""
    os.environ["HF_TOKEN"] = token
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        return "the token is kept for this run; it could not be checked: huggingface_hub is not installed"
    if os.environ.get("HF_HUB_OFFLINE"):
        return "the token is kept for this run; it was not checked: HF_HUB_OFFLINE is set"
    try:
        name = str(HfApi().whoami(token=token).get("name", "?"))
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            del os.environ["HF_TOKEN"]
            return "the Hub does not know this token: it is not used (:back token asks again)"
        return f"the token is kept for this run; the Hub answered {status} when it was asked"
    except Exception as error:  # noqa: BLE001 - whatever a network does: the token may be right all the same
        return (
            f"the token is kept for this run; it could not be checked: the Hub was not reached ({type(error).__name__})"
        )
    return f"the token is {name}'s, and kept for this run"
