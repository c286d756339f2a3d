"""Addresses of endpoints, and the keys that are sent there."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from runner.errors import EnvironmentProblem

#: Fields that a key would be written in by mistake.
SECRETS = ("key", "api_key", "token", "authorization", "secret")


def fault_of(address: str, keyed: bool) -> str | None:
    """What is wrong with an endpoint's address, None for a good one. ``keyed`` says that a key is sent there."""
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError as error:
        return f"is none: {error}"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_one:
        return "begins with https:// or http://"
    if parts.username or parts.password or parts.query:
        return "holds no name, password or query"
    if parts.scheme == "http" and keyed and not _loopback(parts.hostname):
        return "a key is sent to https alone, or to this machine"
    return None


def key_in(variable: str, whose: str, where: str, environment: Mapping[str, str]) -> str:
    """The key in an environment variable. Raises :class:`EnvironmentProblem` where there is none."""
    key = environment.get(variable, "").strip()
    if not key:
        raise EnvironmentProblem(f"{whose} needs a key, and {variable} is not set", where=where, hint="export it")
    return key


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
