"""The setting `OBS_STORE=ducklake:postgres://USER@HOST/DATABASE?data=s3://BUCKET/FOLDER`, and the keys from `AWS_*`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from obs_core.errors import BadParameter

SCHEME: Final = "ducklake:"
_EXAMPLE: Final = "OBS_STORE=ducklake:postgres://obs@pg.example/obs?data=s3://bucket/obs"
_SCHEMES: Final = ("postgres", "postgresql")
# A host that vanished is noticed after some seconds instead of a quarter of an hour.
_LIMITS: Final = {"connect_timeout": "10", "tcp_user_timeout": "10000", "keepalives_idle": "5"}
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a lake is: PostgreSQL's connection (libpq's keywords, no password), and the folder of its files."""

    connection: dict[str, str]
    data: str
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The address as people may see it."""
        user = f"{self.connection['user']}@" if "user" in self.connection else ""
        host, port = self.connection["host"], self.connection.get("port")
        return f"postgres://{user}{host}{f':{port}' if port else ''}/{self.connection['dbname']}?data={self.data}"

    @property
    def libpq(self) -> str:
        """The connection as libpq reads it."""
        cells = {**_LIMITS, **self.connection}
        return " ".join(f"{name}='{_escaped(cell)}'" for name, cell in cells.items())


@dataclass(frozen=True, slots=True)
class Keys:
    """How the S3 API is called: its keys, region and, if it is not Amazon's, its endpoint (HOST:PORT)."""

    key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    region: str
    endpoint: str
    is_encrypted: bool


def of_setting(text: str) -> Address | None:
    """The lake of a setting; None if it names none.

    Raises:
        BadParameter: it can't be read.
    """
    return parse(text) if text.startswith(SCHEME) else None


def parse(text: str) -> Address:
    """The address in a setting.

    Raises:
        BadParameter: it is not one.
    """
    try:
        url = urlsplit(text.removeprefix(SCHEME))
        options = dict(parse_qsl(url.query, strict_parsing=True))
        port = url.port
    except ValueError as error:
        raise BadParameter(f"OBS_STORE can't be read: {error}.", f"For example: {_EXAMPLE}") from error
    data, name = options.pop("data", "").rstrip("/"), unquote(url.path.removeprefix("/"))
    problem = (
        "it does not start with ducklake:postgres://"
        if not text.startswith(SCHEME) or url.scheme not in _SCHEMES
        else "the name of the host is missing"
        if not url.hostname
        else "the name of the database is missing"
        if not name
        else "data=s3://BUCKET/FOLDER is missing"
        if not data.startswith("s3://") or len(data) <= len("s3://")
        else ""
    )
    if problem:
        raise BadParameter(f"OBS_STORE can't be used: {problem}.", f"For example: {_EXAMPLE}")
    connection = {"host": str(url.hostname), "dbname": name, **options}
    if port:
        connection["port"] = str(port)
    if url.username:
        connection["user"] = unquote(url.username)
    return Address(connection, data, unquote(url.password or ""))


def keys(environment: Mapping[str, str]) -> Keys:
    """The keys in `environment`, under the names that Amazon's own programs read."""
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    url = urlsplit(endpoint)
    host = f"{url.hostname}:{url.port or _PORTS.get(url.scheme, 443)}" if url.hostname else ""
    return Keys(
        key=environment.get("AWS_ACCESS_KEY_ID", ""),
        secret=environment.get("AWS_SECRET_ACCESS_KEY", ""),
        token=environment.get("AWS_SESSION_TOKEN", ""),
        region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
        endpoint=host,
        is_encrypted=url.scheme != "http",
    )


def _escaped(cell: str) -> str:
    return cell.replace("\\", r"\\").replace("'", r"\'")
