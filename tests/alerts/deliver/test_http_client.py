"""Sending, to real receivers that behave and that don't."""

import hashlib
import hmac
import logging
import socket
from pathlib import Path

import pytest

from obs_core.alerts.deliver import http_client
from obs_core.alerts.deliver.http_client import Message, post
from obs_core.alerts.deliver.retry import Response, outcome
from obs_core.alerts.deliver.webhook import Webhook
from tests.support import receivers
from tests.support.receivers import receiver


def send(url: str, body: bytes = b"{}", allow: tuple[str, ...] = (), **more: object) -> Response:
    return post([Message(Webhook("ops", url, **more), body, "k1")], allow)[0]  # type: ignore[arg-type]


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> list[str]:
    """Let `name` resolve to the first of `addresses`, then to the next; what was asked for."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def resolves(host: str, port: int, *rest: int, **more: int) -> object:
        if host != name:
            return real(host, port, *rest, **more)
        asked.append(host)
        return real(addresses[min(len(asked), len(addresses)) - 1], port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolves)
    return asked


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of 10 s, shortened."""
    monkeypatch.setattr(http_client, "LIMIT_S", 0.8)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and 127.0.0.1 that its own key signed."""
    return receivers.make_certificate(tmp_path_factory.mktemp("tls"))


def test_a_message_arrives_as_it_is_with_headers_key_and_signature() -> None:
    body = '{"version": "4", "text": "Zähler"}'.encode()
    with receiver(receivers.answers("204 No Content", body=b"")) as server:
        response = send(f"{server.url}?a=b%20c", body, headers={"Authorization": "Bearer x"}, secret="s3cret")  # noqa: S106
    assert outcome(response) == "sent"
    [sent] = server.posts
    assert sent.body == body
    assert sent.path == "/hook?a=b%20c"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["authorization"] == "Bearer x"
    assert sent.headers["idempotency-key"] == "k1"
    assert sent.headers["host"] == f"127.0.0.1:{server.port}"
    assert sent.headers["x-obs-signature-256"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


def test_the_signature_is_that_of_githubs_published_example() -> None:
    # docs.github.com, "Validating webhook deliveries", testing the validation
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert http_client.signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_without_a_secret_nothing_is_signed() -> None:
    with receiver(receivers.answers("200 OK")) as server:
        send(server.url)
    assert "x-obs-signature-256" not in server.posts[0].headers


@pytest.mark.parametrize("head", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed(head: str) -> None:
    with receiver(receivers.answers("200 OK")) as other:
        with receiver(receivers.answers(f"{head}\r\nLocation: {other.url}")) as server:
            response = send(server.url)
        assert outcome(response) == "failed"
        assert len(server.posts) == 1
        assert other.connections == 0


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (receivers.answers("500 Oops"), "retry"),
        (receivers.answers("404 Not Found"), "failed"),
        (receivers.hangs, "retry"),
        (receivers.hangs_up, "retry"),
        (receivers.garbage, "retry"),
        (receivers.drips, "retry"),
        (receivers.endless, "sent"),
        (receivers.body_hangs, "sent"),
        (receivers.answers("200 OK", body=b"x" * 1_000_000), "sent"),
        (receivers.answers("200 OK\r\nContent-Encoding: gzip", body=b"\x1f\x8b no gzip"), "sent"),
    ],
)
@pytest.mark.usefixtures("hurried")
def test_every_behaviour_of_a_receiver_has_an_outcome(behave: receivers.Behave, expected: str) -> None:
    with receiver(behave) as server:
        response = send(server.url)
    assert outcome(response) == expected
    assert len(server.posts) == 1


def test_retry_after_is_returned() -> None:
    with receiver(receivers.answers("429 Slow down\r\nRetry-After: 17")) as server:
        assert send(server.url) == Response(429, retry_after="17")


def test_a_refused_connection_is_retried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    response = send(f"http://127.0.0.1:{port}/")
    assert (response.status, outcome(response)) == (None, "retry")


def test_a_host_that_does_not_resolve_is_retried() -> None:
    assert outcome(send("http://no-such-host.invalid/")) == "retry"


def test_an_untrusted_certificate_is_not_retried(certificate: Path) -> None:
    with receiver(receivers.answers("200 OK"), certificate) as server:
        response = send(server.url)
    assert outcome(response) == "failed"
    assert "certificate" in response.error
    assert server.posts == []


def test_tls_to_a_receiver_without_it_is_not_retried() -> None:
    with receiver(receivers.not_tls) as server:
        response = send(server.url.replace("http://", "https://"))
    assert outcome(response) == "failed"
    assert "TLS" in response.error


def test_a_trusted_certificate_is_checked_by_name_though_the_address_is_connected_to(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    http_client._tls.cache_clear()
    try:
        with receiver(receivers.answers("200 OK"), certificate) as server:
            assert send(f"https://localhost:{server.port}/").status == 200
            assert server.posts[0].headers["host"] == f"localhost:{server.port}"
            resolve(monkeypatch, "other.test", "127.0.0.1")
            assert "certificate" in send(f"https://other.test:{server.port}/").error
            assert len(server.posts) == 1
    finally:
        http_client._tls.cache_clear()


@pytest.mark.parametrize("url", ["http://0xA9FEA9FE/", "http://2852039166/", "http://169.254.43518/"])
def test_link_local_addresses_in_other_spellings_are_refused_before_anything_is_sent(url: str) -> None:
    response = send(url)
    assert outcome(response) == "failed"
    assert "169.254.169.254" in response.error


def test_a_name_that_resolves_to_a_link_local_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "innocent.test", "169.254.169.254")
    response = send("http://innocent.test/")
    assert outcome(response) == "failed"
    assert "169.254.169.254" in response.error


def test_the_name_is_resolved_once_so_it_cannot_change_after_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolve(monkeypatch, "rebinding.test", "127.0.0.1", "169.254.169.254")
    with receiver(receivers.answers("200 OK")) as server:
        response = send(f"http://rebinding.test:{server.port}/")
    assert response.status == 200
    assert asked == ["rebinding.test"]
    assert server.posts[0].headers["host"] == f"rebinding.test:{server.port}"


def test_only_hosts_of_the_allow_list_are_sent_to() -> None:
    with receiver(receivers.answers("200 OK")) as server:
        assert outcome(send(server.url, allow=("hooks.example.com",))) == "failed"
        assert server.connections == 0
        assert outcome(send(server.url, allow=("127.0.0.0/8",))) == "sent"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with receiver(receivers.answers("200 OK")) as server:
        assert send(server.url).status == 200


def test_nothing_of_address_headers_or_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiver(receivers.answers("500 Oops", body=b"zebra1 zebra2 zebra3")) as server:
        response = send(f"{server.url}/zebra1", headers={"X-Api-Key": "zebra2"}, secret="zebra3")  # noqa: S106
    assert "zebra" not in caplog.text + str(response)


@pytest.mark.usefixtures("hurried")
def test_a_receiver_that_hangs_does_not_delay_the_others() -> None:
    with receiver(receivers.hangs) as slow, receiver(receivers.answers("200 OK")) as quick:
        urls = [slow.url, quick.url, slow.url, quick.url]
        responses = post([Message(Webhook("ops", url), b"{}", "k") for url in urls])
    assert [response.status for response in responses] == [None, 200, None, 200]
