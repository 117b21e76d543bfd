"""The setting of a shared lake, and its keys."""

import pytest

from obs_core.errors import BadParameter
from obs_core.lake import address


def test_a_setting_has_a_database_and_a_folder() -> None:
    lake = address.parse("ducklake:postgres://o%40bs:p'w%20x@pg:5433/obs?data=s3://bucket/obs/&sslmode=require")
    assert lake.data == "s3://bucket/obs"
    assert lake.connection == {"host": "pg", "port": "5433", "dbname": "obs", "user": "o@bs", "sslmode": "require"}
    assert lake.password == "p'w x"  # noqa: S105 - of nobody
    assert lake.shown == "postgres://o@bs@pg:5433/obs?data=s3://bucket/obs"
    for text in (lake.libpq, lake.shown, repr(lake)):
        assert "p'w" not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ducklake:mysql://pg/obs?data=s3://b/o", "does not start with ducklake:postgres://"),
        ("ducklake:postgres:///obs?data=s3://b/o", "the name of the host is missing"),
        ("ducklake:postgres://pg?data=s3://b/o", "the name of the database is missing"),
        ("ducklake:postgres://pg/obs?data=/tmp/x", "data=s3://BUCKET/FOLDER is missing"),
        ("ducklake:postgres://pg/obs?sslmode=require", "data=s3://BUCKET/FOLDER is missing"),
        ("ducklake:postgres://pg:x/obs?data=s3://b/o", "OBS_STORE can't be read"),
        ("ducklake:postgres://pg/obs?data", "OBS_STORE can't be read"),
        ("ducklake:postgres://pg/obs", "data=s3://BUCKET/FOLDER is missing"),
    ],
)
def test_a_setting_that_can_not_be_used_says_why(text: str, problem: str) -> None:
    with pytest.raises(BadParameter) as caught:
        address.parse(text)
    assert problem in caught.value.message
    assert "ducklake:postgres://obs@pg.example/obs?data=s3://bucket/obs" in caught.value.hint


def test_the_keys_are_those_of_amazons_programs() -> None:
    keys = address.keys({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "http://h:8333"})
    assert (keys.key, keys.secret, keys.endpoint, keys.is_encrypted) == ("k", "s", "h:8333", False)
    assert keys.region == "us-east-1"
    amazon = address.keys({"AWS_REGION": "eu-west-1"})
    assert (amazon.endpoint, amazon.is_encrypted, amazon.region) == ("", True, "eu-west-1")
    assert address.keys({"AWS_ENDPOINT_URL_S3": "https://s3.example"}).endpoint == "s3.example:443"
