"""Where messages may go, and how an address is shown."""

from ipaddress import ip_address

import pytest

from obs_core.alerts.deliver import url_policy
from obs_core.errors import BadParameter


def refusal(host: str, *addresses: str, port: int = 443, allow: tuple[str, ...] = ()) -> str:
    return url_policy.refusal(host, port, [ip_address(address) for address in addresses], allow)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "example.com/x",
        "http://",
        "http:///x",
        "http://user:pass@example.com/",
        "http://user@example.com/",
        "http://example.com:99999/",
        "http://[::1/x",
        "http://example.com/a b",
        "http://example.com/\nX: y",
        "http://example.com\\@169.254.169.254/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[::ffff:169.254.169.254]/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://METADATA.google.internal./",
        "http://x/" + "a" * 3000,
    ],
)
def test_an_address_that_is_no_webhook_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(BadParameter) as caught:
        url_policy.parse_url(url)
    assert "pass" not in caught.value.message.replace("password", "")


def test_an_address_is_taken_apart_with_its_query() -> None:
    assert url_policy.parse_url("https://hooks.example.com/a/b?c=d") == ("https", "hooks.example.com", 443, "/a/b?c=d")
    assert url_policy.parse_url("http://[::1]:9000") == ("http", "::1", 9000, "/")
    assert url_policy.parse_url("HTTP://Example.COM.") == ("http", "example.com", 80, "/")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "224.0.0.1",
    ],
)
def test_a_name_that_leads_to_link_local_or_metadata_addresses_is_refused(address: str) -> None:
    assert str(ip_address(address)) in refusal("innocent.example.com", address)
    assert refusal("innocent.example.com", "203.0.113.7", address)
    assert refusal("innocent.example.com", address, allow=("innocent.example.com", "0.0.0.0/0", "::/0"))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.7", "192.168.1.4", "203.0.113.7", "2001:db8::1"])
def test_receivers_on_this_machine_and_in_its_network_are_allowed(address: str) -> None:
    assert refusal("receiver", address) == ""


@pytest.mark.parametrize(
    ("allow", "host", "address", "port", "allowed"),
    [
        ("hooks.example.com", "hooks.example.com", "203.0.113.7", 443, True),
        ("hooks.example.com", "HOOKS.example.com", "203.0.113.7", 443, True),
        ("hooks.example.com", "evil-hooks.example.com", "203.0.113.7", 443, False),
        ("*.example.com", "a.b.example.com", "203.0.113.7", 443, True),
        ("*.example.com", "example.com", "203.0.113.7", 443, False),
        ("*.example.com", "evilexample.com", "203.0.113.7", 443, False),
        ("hooks.example.com:443", "hooks.example.com", "203.0.113.7", 443, True),
        ("hooks.example.com:443", "hooks.example.com", "203.0.113.7", 9093, False),
        ("10.0.0.0/8", "internal", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "internal", "11.1.2.3", 80, False),
        ("10.0.0.0/8:80", "internal", "10.1.2.3", 81, False),
        ("[::1]:9093", "::1", "::1", 9093, True),
        ("::1", "::1", "::1", 9093, True),
        ("nonsense/99", "internal", "10.1.2.3", 80, False),
    ],
)
def test_with_an_allow_list_only_what_it_names_is_sent_to(
    allow: str, host: str, address: str, port: int, *, allowed: bool
) -> None:
    assert (refusal(host, address, port=port, allow=(allow,)) == "") is allowed


def test_a_name_must_resolve_wholly_into_the_allowed_network() -> None:
    assert refusal("internal", "10.1.2.3", "11.1.2.3", allow=("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/hook"),
        (
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://hooks.slack.com/services/T00000000/B00000000/…",
        ),
        ("https://example.com/in?token=s3cret&x=1", "https://example.com/in?token=…&x=…"),
        ("https://example.com/in?s3cret", "https://example.com/in?s3cret=…"),
        ("https://user:s3cret@example.com/in", "https://example.com/in"),
        ("http://[::1]:9000/x", "http://[::1]:9000/x"),
        ("not a url", "…"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret_in_it(url: str, seen: str) -> None:
    assert url_policy.masked_url(url) == seen.replace("s3cret=…", "…")
