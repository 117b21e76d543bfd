"""Which URLs messages may be sent to: http(s), on allowed hosts, never a cloud's metadata address (SSRF protection).

A host is checked twice: by its name when a webhook is saved, and by every IP address it resolves to each time a message
is sent. The connection then goes to exactly the address that was checked, so DNS rebinding has no effect.
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


class WebhookUrl(NamedTuple):
    """The parts of a checked URL."""

    scheme: str
    host: str
    port: int
    path: str  # with the query, as it is sent


def parse_url(url: str) -> WebhookUrl:
    """The parts of `url`.

    Raises:
        BadParameter: messages may not be sent to it; the message does not repeat the URL.
    """
    parts = _split(url)
    if parts.scheme not in {"http", "https"}:
        raise BadParameter("A webhook's address starts with http:// or https://.", _HINT)
    if parts.username is not None or parts.password is not None:
        message = "A webhook's address can't contain a user name or password."
        raise BadParameter(message, "Send them in a header: Authorization.")
    host = (parts.hostname or "").rstrip(".")
    if not host or "%" in host:
        raise BadParameter("A webhook's address needs a host.", _HINT)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if refusal := _refused_name(host):
        raise BadParameter(refusal, "Messages are never sent to link-local or cloud metadata addresses.")
    return WebhookUrl(parts.scheme, host, port, path)


def refusal(host: str, port: int, addresses: Sequence[Address], allow: Sequence[str] = ()) -> str:
    """Why no message may be sent to `host`, which has these `addresses`; empty if it is allowed.

    `allow` lists names, `*.names`, addresses and networks, each with an optional `:port`; empty: every host is
    allowed. One refused address is enough to refuse the host, because any of them might be connected to.
    """
    if why := _refused_name(host):
        return why
    for address in addresses:
        if _is_link_local_or_metadata(address):
            return f"{host} resolves to {address}, a link-local or cloud metadata address."
    if not allow or any(_allows(entry, host, port, addresses) for entry in allow):
        return ""
    return f"{host}:{port} is not in OBS_WEBHOOK_ALLOW."


def literal(host: str) -> Address | None:
    """`host` as an IP address; None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def masked_url(url: str) -> str:
    """`url` without secrets: parts of the path that look like tokens, and all values of the query, are `…`."""
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
    """Split `url`; refuse text that is not a URL."""
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
    if host.lower().rstrip(".") in _METADATA_NAMES or (address is not None and _is_link_local_or_metadata(address)):
        return f"{host} is a link-local or cloud metadata address."
    return ""


def _is_link_local_or_metadata(address: Address) -> bool:
    """Whether `address`, or an IPv4 address embedded in it, is link-local, multicast or a metadata address."""
    return any(
        variant.is_link_local or variant.is_multicast or variant in _METADATA for variant in _with_embedded(address)
    )


def _with_embedded(address: Address) -> list[Address]:
    """`address`, and the IPv4 addresses embedded in an IPv6 one (mapped, 6to4, Teredo, NAT64, compatible)."""
    if isinstance(address, IPv4Address):
        return [address]
    embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) < 1 << 32:
        embedded.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [address, *(variant for variant in embedded if variant is not None)]


def _allows(entry: str, host: str, port: int, addresses: Sequence[Address]) -> bool:
    name, _, only_port = entry.rpartition(":")
    if name and only_port.isdigit() and (name.endswith("]") or ":" not in name):
        if int(only_port) != port:
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
