"""Where messages may go: web addresses, on hosts that are allowed, never the addresses where clouds keep credentials.

A name is checked twice: as it is written, when a webhook is saved, and by every address it resolves to, each time
something is sent; the connection then goes to exactly the address that was checked, so a name that changes its
address in between leads nowhere.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from obs_core.errors import BadParameter

Address = IPv4Address | IPv6Address

# outside the link-local ranges: Alibaba, Azure's wire server, Oracle, AWS over IPv6
_METADATA: Final = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
_NAT64: Final = ip_network("64:ff9b::/96")
_METADATA_NAMES: Final = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
_TOKEN: Final = re.compile(r"(?=.*\d)[\w.~%+:=-]{16,}|[\w.~%+:=-]{20,}", re.ASCII)
_LONGEST_URL: Final = 2_048
_HINT: Final = "Write http://host:port/path or https://host/path."


class Target(NamedTuple):
    """A checked web address."""

    scheme: str
    host: str
    port: int
    path: str  # with the query, as it is sent


def target(url: str) -> Target:
    """The parts of `url`.

    Raises:
        BadParameter: it is no address that messages may go to; the sentence doesn't repeat the address.
    """
    parts = _split(url)
    if parts.scheme not in {"http", "https"}:
        raise BadParameter("A webhook's address starts with http:// or https://.", _HINT)
    if parts.username is not None or parts.password is not None:
        message = "A webhook's address holds no user name or password."
        raise BadParameter(message, "Send them in a header: Authorization.")
    host = (parts.hostname or "").rstrip(".")
    if not host or "%" in host:
        raise BadParameter("A webhook's address needs a host.", _HINT)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if refusal := _refused_name(host):
        raise BadParameter(refusal, "Messages go to receivers, never to the services of the machine's host.")
    return Target(parts.scheme, host, port, path)


def refusal(host: str, port: int, addresses: Sequence[Address], allow: Sequence[str] = ()) -> str:
    """Why nothing may be sent to `host`, which has these `addresses`; empty if it may.

    `allow` are names, `*.names`, addresses and networks, each with `:port` if only that is meant; none: all are
    allowed. One bad address is enough to refuse the host, since any of them might be connected to.
    """
    if why := _refused_name(host):
        return why
    for address in addresses:
        if _is_of_the_machine(address):
            return f"{host} leads to {address}, an address of the machine's own network link or its cloud."
    if not allow or any(_allows(entry, host, port, addresses) for entry in allow):
        return ""
    return f"{host}:{port} is not among the hosts that OBS_WEBHOOK_ALLOW names."


def literal(host: str) -> Address | None:
    """The address that `host` is, if it is no name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def masked_url(url: str) -> str:
    """`url` as people may see it: what looks like a token in the path, and every value of the query, is `…`."""
    try:
        parts = _split(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except BadParameter:
        return "…"
    host = f"[{host}]" if ":" in host else host
    path = "/".join("…" if _TOKEN.fullmatch(piece) else piece for piece in parts.path.split("/"))
    pieces = [piece.partition("=") for piece in parts.query.split("&") if piece]
    query = "?" + "&".join(f"{name}=…" if equals else "…" for name, equals, _ in pieces) if pieces else ""
    return f"{parts.scheme}://{host}{port}{path}{query}"


def _split(url: str) -> SplitResult:
    """The parts of `url`; what can't be read as one is refused."""
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        raise BadParameter("The webhook's address can't be read.", _HINT)
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError as error:
        raise BadParameter("The webhook's address can't be read.", _HINT) from error
    return parts


def _refused_name(host: str) -> str:
    address = literal(host.strip("[]"))
    if host.lower().rstrip(".") in _METADATA_NAMES or (address is not None and _is_of_the_machine(address)):
        return f"{host} is an address of the machine's own network link or its cloud."
    return ""


def _is_of_the_machine(address: Address) -> bool:
    """Whether `address`, or the IPv4 address hidden in it, is link-local or known for metadata."""
    return any(each.is_link_local or each.is_multicast or each in _METADATA for each in _meanings(address))


def _meanings(address: Address) -> list[Address]:
    """`address` and the IPv4 addresses that an IPv6 one stands for (mapped, 6to4, Teredo, NAT64, compatible)."""
    if isinstance(address, IPv4Address):
        return [address]
    hidden = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) < 1 << 32:
        hidden.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [address, *(each for each in hidden if each is not None)]


def _allows(entry: str, host: str, port: int, addresses: Sequence[Address]) -> bool:
    name, _, only = entry.rpartition(":")
    if name and only.isdigit() and (name.endswith("]") or ":" not in name):
        if int(only) != port:
            return False
        entry = name
    entry = entry.strip("[]").lower()
    host = host.lower()
    if entry.startswith("*."):
        return host.endswith(entry[1:])
    if entry == host:
        return True
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return False
    return bool(addresses) and all(address in network for address in addresses)
