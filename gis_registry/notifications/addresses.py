"""Where webhooks may lead: nowhere inside the network of the server, unless a setting allows it."""

import asyncio
import ipaddress
import socket

import httpx
from pydantic_core import Url, ValidationError

from gis_registry.errors import InvalidInput

_ADVICE = "GIS_REGISTRY_WEBHOOK_PRIVATE_ADDRESSES=true allows it"

#: Addresses whose last 32 bits are one of IPv4: compatible ones, and those of NAT64.
_ENDS_IN_IPV4 = tuple(
    ipaddress.IPv6Network(one) for one in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")
)


class PrivateAddress(Exception):
    """A name or address leads into a network that is not public."""


def checked_url(text: str, *, allow_private: bool) -> httpx.URL:
    """Return an address to POST to.

    A name is looked up only when something is sent, since what it stands for can change.

    Raises:
        InvalidInput: it is none, holds a password, or is private and may not be.
    """
    try:
        url = httpx.URL(text)
        host = url.host.rstrip(".")  # decoded here: a label of xn-- can be nonsense
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInput(f"{text!r} is no URL ({error}).") from error
    if url.scheme in ("http", "https") and host:
        _require_one_meaning(text, url)
    if url.scheme not in ("http", "https") or not host:
        raise InvalidInput("A webhook's URL begins with https:// (or http://) and names a host.")
    if url.port is not None and not 0 < url.port < 65536:
        raise InvalidInput(f"{url.port} is no port: they are 1 to 65535.")
    if url.userinfo or url.fragment:
        raise InvalidInput("A webhook's URL holds no user, password or fragment.")
    if not allow_private:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            is_refused = host == "localhost" or host.endswith(".localhost")
        else:
            is_refused = not _is_public(address)
        if is_refused:
            raise InvalidInput(f"{host} is not on the public internet; {_ADVICE}.")
    return url


def _require_one_meaning(text: str, url: httpx.URL) -> None:
    """Refuse a URL whose host no name can be, or by which another program would go elsewhere.

    What sends hides in escapes what a name cannot hold; browsers refuse it, or read it otherwise.
    """
    try:
        host = Url(text).host or ""
    except ValidationError as error:
        raise InvalidInput(f"{text!r} is no URL: {error.errors()[0]['msg']}.") from error
    sent_to = url.raw_host.decode("ascii")
    if ":" not in sent_to and sent_to != host:
        raise InvalidInput(f"{text!r} is no URL: its host can be read as {host!r}.")


async def addresses_of(url: httpx.URL, *, allow_private: bool) -> list[str]:
    """Return the addresses that a URL's host stands for now, all of which may be sent to.

    Raises:
        OSError: the name is not known.
        PrivateAddress: one of them is private and may not be.
    """
    host = url.raw_host.decode("ascii")
    found = await asyncio.get_running_loop().getaddrinfo(
        host, url.port or (443 if url.scheme == "https" else 80), type=socket.SOCK_STREAM
    )
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not allow_private:
        for address in addresses:
            if not _is_public(ipaddress.ip_address(address)):
                raise PrivateAddress(f"{host} leads to {address}, a private address; {_ADVICE}")
    return addresses


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        address = _within(address) or address
    return address.is_global and not address.is_multicast


def _within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, by whatever way of writing one so."""
    if any(address in network for network in _ENDS_IN_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
