"""The one client of all endpoints. It follows nobody elsewhere, keeps no cookies, and reads no keys of anybody's
files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp

#: Seconds to connect at most, and for which a connection that is not used is kept.
CONNECT, KEPT = 10.0, 15.0
#: What a connection does that was kept and is not there any more: it says nothing of who it led to.
STALE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class HttpClient:
    """Connections to endpoints, shared by all that are asked. Use it in one event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        #: Address -> the proxy that leads to it: the environment stays what it is.
        self._proxies: dict[str, str | None] = {}

    async def post(
        self, url: str, content: bytes, headers: Mapping[str, str], seconds: float
    ) -> aiohttp.ClientResponse:
        """The head of a response; its body is read by who closes it.

        Raises :class:`TimeoutError` where it is not there in time, and :class:`aiohttp.ClientError`.
        """
        async with asyncio.timeout(seconds):
            try:
                return await self._send("POST", url, content, headers)
            except aiohttp.ClientConnectorError:
                raise
            except STALE:
                return await self._send("POST", url, content, headers)

    async def look(self, url: str, headers: Mapping[str, str], seconds: float) -> None:
        """Find out whether anybody answers there. Raises as :meth:`post` does."""
        async with asyncio.timeout(seconds):
            (await self._send("GET", url, None, headers)).close()

    async def status(self, url: str, seconds: float) -> int:
        """The code that is answered there. Raises as :meth:`post` does."""
        async with asyncio.timeout(seconds):
            response = await self._send("GET", url, None, {})
            response.close()
            return response.status

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def _send(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            # A session belongs to the loop that it is made in.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
                trust_env=False,
            )
        if url not in self._proxies:
            self._proxies[url] = _proxy(url)
        return await self._session.request(
            method, url, data=content, headers=headers, allow_redirects=False, proxy=self._proxies[url]
        )


def _proxy(url: str) -> str | None:
    """The proxy of the environment for an address."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return None
    return None if proxy_bypass(parts.hostname) else getproxies_environment().get(parts.scheme)


def why(error: Exception) -> str:
    """A failure of the network, in words without an address."""
    if isinstance(error, TimeoutError | aiohttp.ServerTimeoutError):
        return "no answer in time"
    return "no connection" if isinstance(error, aiohttp.ClientConnectorError) else "the connection broke"
