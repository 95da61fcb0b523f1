"""What a proxy says of a request is believed of the proxies that a setting names, and of nobody else."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from store.errors import BadInput

_HEARSAY = (b"x-forwarded-", b"forwarded", b"x-real-ip")
"""How the names of such headers begin. Gradio reads some of them by itself, so that they have to be gone."""


class Forwarded:
    """ASGI middleware around the whole site: the address and the scheme that a trusted proxy names become those of
    the request; from anybody else such headers are thrown away."""

    def __init__(self, app: ASGIApp, proxies: Iterable[str] = ()) -> None:
        """Raises BadInput for a proxy that is neither an address nor a network."""
        self.app = app
        self.networks = [_network(proxy) for proxy in proxies]
        believing: Any = app
        self.believing = ProxyHeadersMiddleware(believing, [str(network) for network in self.networks])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as it came or as the proxy tells."""
        if scope["type"] == "http" and self._trusted(scope):
            heard: Any = (scope, receive, send)
            await self.believing(*heard)
            return
        if scope["type"] == "http":
            scope["headers"] = [header for header in scope["headers"] if not header[0].startswith(_HEARSAY)]
        await self.app(scope, receive, send)

    def _trusted(self, scope: Scope) -> bool:
        try:
            peer = ipaddress.ip_address(scope["client"][0] if scope.get("client") else "")
        except ValueError:  # a socket without an address
            return False
        return any(peer in network for network in self.networks)


def _network(proxy: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(proxy.strip(), strict=False)
    except ValueError as error:
        raise BadInput(
            f"serve.trusted_proxies: {proxy!r} is neither an address nor a network: write 10.0.0.7 or 10.0.0.0/8."
        ) from error
