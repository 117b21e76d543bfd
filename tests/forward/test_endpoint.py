"""The settings of forwarding: which addresses and headers are accepted, and that errors do not repeat them."""

import pytest

from obs_core.errors import PermanentFailure
from obs_core.forward.endpoint import Endpoint, endpoint_of
from obs_core.settings import from_environment


def read(address: str, headers: str = "", **more: str) -> Endpoint:
    return endpoint_of(from_environment({"OBS_FORWARD": address, "OBS_FORWARD_HEADERS": headers, **more}))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("http://collector:4318", "http://collector:4318"),
        ("https://otlp.example.com", "https://otlp.example.com:443"),
        ("https://otlp.example.com/base/", "https://otlp.example.com:443/base"),
        ("http://collector:4318/v1/traces", "http://collector:4318"),
        ("http://[::1]:4318", "http://[::1]:4318"),
        ("http://büro.example:4318", "http://xn--bro-hoa.example:4318"),
    ],
)
def test_an_address_is_read_as_people_write_it(address: str, text: str) -> None:
    assert read(address).text == text


@pytest.mark.parametrize(
    "address",
    [
        "collector:4318", "ftp://hunter2-host", "http://", "http://user:hunter2@host", "http://host:99999",
        "http://a b", "http://host?key=hunter2", "http://host#hunter2", "http://[::1", "x" * 3000,
        "http://" + "a" * 70 + ".example",
    ],
)  # fmt: skip
def test_an_address_that_can_not_be_used_is_refused_in_a_sentence_without_it(address: str) -> None:
    with pytest.raises(PermanentFailure) as refused:
        read(address)
    assert "OBS_FORWARD" in refused.value.message
    assert refused.value.hint
    assert "hunter2" not in f"{refused.value.message}{refused.value.hint}"


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    assert read("http://h", "api-key=a%3Db%2C c, X-Team = ops ,").headers == {"api-key": "a=b, c", "x-team": "ops"}


@pytest.mark.parametrize(
    "headers", ["hunter2", "a b=hunter2", "x=hunter2%0d%0aEvil: 1", "Host=hunter2", "=hunter2", "x=%ff"]
)
def test_headers_that_can_not_be_sent_are_refused_by_their_number(headers: str) -> None:
    with pytest.raises(PermanentFailure) as refused:
        read("http://h", f"ok=1,{headers}")
    assert refused.value.message == "Header 2 of OBS_FORWARD_HEADERS can't be used."
    assert "hunter2" not in refused.value.hint


def test_a_certificate_file_that_is_none_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="can't be used"):
        read("https://h", OBS_FORWARD_CERTIFICATE=__file__).tls()
    with pytest.raises(PermanentFailure, match="can't be used"):
        read("https://h", OBS_FORWARD_CERTIFICATE="/none").tls()
    assert read("http://h", OBS_FORWARD_CERTIFICATE="/none").tls() is None


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    settings = from_environment({"OBS_FORWARD": "http://user:hunter2@host", "OBS_FORWARD_HEADERS": "key=hunter2"})
    assert "hunter2" not in repr(settings)
