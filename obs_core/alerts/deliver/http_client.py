"""Posts messages to webhooks; the only code that connects to them.

The host is resolved and checked here, and the connection goes to the IP address that was checked. The transport is used
without httpx's client: no redirects, no proxies that would resolve names unchecked, no cookies, and no log line with
the URL, which may contain a token. Response bodies are read up to 64 KiB, so that the server can finish cleanly, and
discarded.
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
from obs_core.alerts.deliver.retry import Response
from obs_core.alerts.deliver.webhook import KEY_HEADER, SIGNATURE_HEADER, Webhook
from obs_core.errors import BadParameter

LIMIT_S: Final = 10  # to resolve, connect, send and receive the headers; a quarter more for the body
CONNECT_S: Final = 3  # per address of a host, so that a dead one leaves time for the next
BODY_LIMIT: Final = 64 * 1024
_CONCURRENCY: Final = 8

OnResponse = Callable[[int, Response], None]


class Message(NamedTuple):
    """One message to post to one webhook."""

    webhook: Webhook
    body: bytes
    key: str  # the same for every attempt, so that the other side can recognize repetitions


def signature(secret: str, body: bytes) -> str:
    """The text of the signature header: HMAC-SHA-256 of the body, in the format of GitHub's webhooks."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(
    messages: Sequence[Message], allow: Sequence[str] = (), on_response: OnResponse | None = None
) -> list[Response]:
    """Post `messages`, eight at a time; return the responses in the same order.

    `on_response` is called with the index of each message and its response as soon as it arrives, to record it.
    """
    return asyncio.run(_post_all(messages, allow, on_response)) if messages else []


async def _post_all(
    messages: Sequence[Message], allow: Sequence[str], on_response: OnResponse | None
) -> list[Response]:
    slots = asyncio.Semaphore(_CONCURRENCY)

    async def post_one(index: int, message: Message) -> Response:
        async with slots:
            response = await _post(message, allow)
        if on_response:
            on_response(index, response)
        return response

    return list(await asyncio.gather(*(post_one(index, message) for index, message in enumerate(messages))))


async def _post(message: Message, allow: Sequence[str]) -> Response:  # noqa: PLR0911 - one line per kind of error
    try:
        url = url_policy.parse_url(message.webhook.url)
        async with asyncio.timeout(LIMIT_S) as limit:
            addresses = await _resolve(url)
            if why := url_policy.refusal(url.host, url.port, addresses, allow):
                return Response(None, why, permanent=True)
            return await _try_addresses(message, url, addresses, limit)
    except BadParameter as error:
        return Response(None, error.message, permanent=True)
    except TimeoutError:
        return Response(None, f"The webhook did not answer within {LIMIT_S} s.")
    except OSError:
        return Response(None, "The webhook's host could not be resolved.")
    except UnicodeError:
        return Response(None, "The webhook's host can't be read.", permanent=True)
    except Exception as error:  # noqa: BLE001 - the messages to other webhooks are posted; its text may have a secret
        return Response(None, f"The message could not be posted: an unexpected {type(error).__name__}.")


async def _resolve(url: url_policy.WebhookUrl) -> list[url_policy.Address]:
    """The distinct IP addresses of the host, in the order that the system prefers."""
    results = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(socket_address[0]) for *_, socket_address in results)
    return [ip_address(text.partition("%")[0]) for text in addresses]


async def _try_addresses(
    message: Message, url: url_policy.WebhookUrl, addresses: Sequence[url_policy.Address], limit: asyncio.Timeout
) -> Response:
    response = Response(None, "The webhook's host has no address.")
    for address in addresses:
        try:
            return await _attempt(message, url, address, limit)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            response = _connection_error(error)
        except httpx.TimeoutException:
            return Response(None, f"The webhook did not answer within {LIMIT_S} s.")
        except httpx.RemoteProtocolError:
            return Response(None, "The webhook closed the connection, or its response is not HTTP.")
        except httpx.TransportError:
            return Response(None, "The connection to the webhook broke.")
        except httpx.InvalidURL:
            return Response(None, "The webhook's address can't be read.", permanent=True)
    return response


async def _attempt(
    message: Message, url: url_policy.WebhookUrl, address: url_policy.Address, limit: asyncio.Timeout
) -> Response:
    verify: ssl.SSLContext | bool = _tls() if url.scheme == "https" else False
    async with httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport:
        response = await transport.handle_async_request(_request(message, url, address))
        limit.reschedule(None)  # the status is known; a body that hangs or breaks does not change it
        try:
            await asyncio.wait_for(_read(response), LIMIT_S / 4)
        except (TimeoutError, httpx.TransportError):
            pass
        finally:
            await response.aclose()
    return Response(response.status_code, retry_after=response.headers.get("retry-after", ""))


def _request(message: Message, url: url_policy.WebhookUrl, address: url_policy.Address) -> httpx.Request:
    """The request to exactly this IP address, with the host name for the Host header and the certificate check."""
    by_name = httpx.URL(scheme=url.scheme, host=url.host, port=url.port)
    host = by_name.raw_host.decode()
    headers = httpx.Headers({"User-Agent": "obs-core", **message.webhook.headers})
    headers["Host"] = by_name.netloc.decode()
    headers["Content-Type"] = "application/json"
    headers[KEY_HEADER] = message.key
    if message.webhook.secret:
        headers[SIGNATURE_HEADER] = signature(message.webhook.secret, message.body)
    timeout = {"connect": CONNECT_S, "read": LIMIT_S, "write": LIMIT_S, "pool": LIMIT_S}
    return httpx.Request(
        "POST",
        httpx.URL(message.webhook.url).copy_with(host=str(address), port=url.port, fragment=None),
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


def _connection_error(error: httpx.TransportError) -> Response:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Response(None, f"The webhook's certificate is not trusted: {cause.verify_message}.", permanent=True)
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return Response(None, "The TLS handshake with the webhook failed.", permanent=True)
        cause = cause.__cause__ or cause.__context__
    return Response(None, "Could not connect to the webhook.")


@functools.cache
def _tls() -> ssl.SSLContext:
    """The trusted certificate authorities: the default ones, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context()
