"""Posts messages to webhooks; the only code that talks to them.

The address is resolved and checked here, and the connection goes to the address that was checked. The transport is
used without httpx's client around it: no redirects, no proxies that would resolve names unchecked, no cookies, and no
log line with the URL, which may hold a token. Bodies of answers are read up to 64 KiB, so that the receiver can end in
peace, and thrown away.
"""

import asyncio
import functools
import hashlib
import hmac
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

import httpx

from obs_core.alerts.deliver import url_policy
from obs_core.alerts.deliver.retry import Answer
from obs_core.alerts.deliver.webhook import KEY_HEADER, SIGNATURE_HEADER, Webhook
from obs_core.errors import BadParameter

LIMIT_S: Final = 10  # for everything: resolving, connecting, sending, the answer's head; a quarter more for its body
CONNECT_S: Final = 3  # for each address of a name, so that a dead one leaves time for the next
BODY_LIMIT: Final = 64 * 1024
_AT_ONCE: Final = 8


class Message(NamedTuple):
    """What is posted to whom."""

    receiver: Webhook
    body: bytes
    key: str  # the same for every attempt to tell the same, so that a receiver can tell repetitions


def signature(secret: str, body: bytes) -> str:
    """The signature header's text: HMAC-SHA-256 of the body, in the form that GitHub's webhooks made common."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(
    messages: Sequence[Message], allow: Sequence[str] = (), told: Callable[[int, Answer], None] | None = None
) -> list[Answer]:
    """Post `messages`, eight at once; what came of each, in their order.

    `told` is called with the place of each message as soon as its answer is there, so that it can be recorded.
    """
    return asyncio.run(_post_all(messages, allow, told)) if messages else []


async def _post_all(
    messages: Sequence[Message], allow: Sequence[str], told: Callable[[int, Answer], None] | None
) -> list[Answer]:
    places = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(number: int, message: Message) -> Answer:
        async with places:
            answer = await _post(message, allow)
        if told:
            told(number, answer)
        return answer

    return list(await asyncio.gather(*(in_turn(number, message) for number, message in enumerate(messages))))


async def _post(message: Message, allow: Sequence[str]) -> Answer:
    try:
        target = url_policy.target(message.receiver.url)
        async with asyncio.timeout(LIMIT_S) as limit:
            addresses = await _resolved(target)
            if why := url_policy.refusal(target.host, target.port, addresses, allow):
                return Answer(None, why, permanent=True)
            return await _first_that_answers(message, target, addresses, limit)
    except BadParameter as error:
        return Answer(None, error.message, permanent=True)
    except TimeoutError:
        return Answer(None, f"The receiver did not answer within {LIMIT_S} s.")
    except OSError:
        return Answer(None, "The receiver's name could not be resolved.")
    except UnicodeError:
        return Answer(None, "The receiver's name can't be read.", permanent=True)


async def _resolved(target: url_policy.Target) -> list[url_policy.Address]:
    """The addresses of the target's host, each once, in the order the system prefers."""
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    return [ip_address(text.partition("%")[0]) for text in dict.fromkeys(str(each[4][0]) for each in found)]


async def _first_that_answers(
    message: Message, target: url_policy.Target, addresses: Sequence[url_policy.Address], limit: asyncio.Timeout
) -> Answer:
    answer = Answer(None, "The receiver's name has no address.")
    for address in addresses:
        try:
            return await _attempt(message, target, address, limit)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            answer = _without_connection(error)
        except httpx.TimeoutException:
            return Answer(None, f"The receiver did not answer within {LIMIT_S} s.")
        except httpx.RemoteProtocolError:
            return Answer(None, "The receiver closed the connection, or answered something that is not HTTP.")
        except httpx.TransportError:
            return Answer(None, "The connection to the receiver broke.")
        except httpx.InvalidURL:
            return Answer(None, "The webhook's address can't be read.", permanent=True)
    return answer


async def _attempt(
    message: Message, target: url_policy.Target, address: url_policy.Address, limit: asyncio.Timeout
) -> Answer:
    verify: ssl.SSLContext | bool = _tls() if target.scheme == "https" else False
    async with httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport:
        response = await transport.handle_async_request(_request(message, target, address))
        limit.reschedule(None)  # the answer is known; a body that hangs or breaks changes nothing about it
        try:
            await asyncio.wait_for(_read(response), LIMIT_S / 4)
        except (TimeoutError, httpx.TransportError):
            pass
        finally:
            await response.aclose()
    return Answer(response.status_code, retry_after=response.headers.get("retry-after", ""))


def _request(message: Message, target: url_policy.Target, address: url_policy.Address) -> httpx.Request:
    """The request to exactly this address, with the name kept for the server and for its certificate."""
    named = httpx.URL(scheme=target.scheme, host=target.host, port=target.port)
    host = named.raw_host.decode()
    headers = httpx.Headers({"User-Agent": "obs-core", **message.receiver.headers})
    headers["Host"] = named.netloc.decode()
    headers["Content-Type"] = "application/json"
    headers[KEY_HEADER] = message.key
    if message.receiver.secret:
        headers[SIGNATURE_HEADER] = signature(message.receiver.secret, message.body)
    timeout = {"connect": CONNECT_S, "read": LIMIT_S, "write": LIMIT_S, "pool": LIMIT_S}
    return httpx.Request(
        "POST",
        httpx.URL(message.receiver.url).copy_with(host=str(address), port=target.port, fragment=None),
        headers=headers,
        content=message.body,
        extensions={"timeout": timeout, "sni_hostname": host},
    )


async def _read(response: httpx.Response) -> None:
    size = 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        size += len(chunk)
        if size >= BODY_LIMIT:
            return


def _without_connection(error: httpx.TransportError) -> Answer:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Answer(None, f"The receiver's certificate is not trusted: {cause.verify_message}.", permanent=True)
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return Answer(None, "The receiver does not speak TLS as it should.", permanent=True)
        cause = cause.__cause__ or cause.__context__
    return Answer(None, "No connection to the receiver.")


@functools.cache
def _tls() -> ssl.SSLContext:
    """What is trusted: the usual authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context()
