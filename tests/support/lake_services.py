"""A PostgreSQL and an S3 API (SeaweedFS) of their own, for tests and benchmarks of the shared lake."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

KEY: Final = "obs-test"
SECRET: Final = "obs-test-secret"  # noqa: S105 - of a server on this machine
BUCKET: Final = "lake"
_START_S: Final = 60.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses, below those that the system gives to clients; neither are those 10,000 above."""
    ports = []
    for port in range(12_000 + os.getpid() * 7 % 9_000, 22_000, 3):
        if _is_free(port) and _is_free(port + 10_000):  # where SeaweedFS listens for gRPC
            ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError("no ports are free")


@dataclass
class Service:
    """A program that can be stopped and started again, on the same port with the same data."""

    command: list[str]
    is_up: Callable[[], bool]
    output: Path
    options: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it does not.
        """
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **self.options
            )
        deadline = time.monotonic() + _START_S
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"{self.command[0]} did not start: {self.output.read_text('utf-8', 'replace')[-2000:]}"
                )
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it `number` and wait for its end."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(_START_S)
            self.process = None


@dataclass(frozen=True)
class Services:
    """Both, running."""

    postgres: Service
    storage: Service
    postgres_port: int
    storage_port: int

    def address(self, name: str) -> str:
        """The setting of a lake of its own, by its name (lower-case letters)."""
        return f"ducklake:postgres://obs@127.0.0.1:{self.postgres_port}/{name}?data=s3://{BUCKET}/{name}"

    @property
    def keys(self) -> dict[str, str]:
        """The environment variables with the keys and the endpoint of the S3 API."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.storage_port}",
        }

    def new_database(self, name: str) -> str:
        """Make an empty database; returns the setting of a lake in it."""
        self.sql("postgres", f'CREATE DATABASE "{name}" OWNER obs')
        return self.address(name)

    def sql(self, database: str, statement: str) -> str:
        """What psql prints for `statement`, run as the owner of everything."""
        command = [
            *(_program("psql"), "-h", "127.0.0.1", "-p", str(self.postgres_port), "-U", "postgres"),
            *("-d", database, "-v", "ON_ERROR_STOP=1", "-At", "-c", statement),
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def running(folder: Path) -> Iterator[Services]:
    """Start both with their data in `folder`; they end with the block."""
    postgres_port, storage_port, *others = free_ports(6)
    data = Path(tempfile.mkdtemp(prefix="obs-postgres-"))  # PostgreSQL may run as another user
    postgres = _postgres(data, postgres_port, folder / "postgres.log")
    storage = _storage(folder / "s3", storage_port, others)
    try:
        storage.start()
        postgres.start()
        services = Services(postgres, storage, postgres_port, storage_port)
        services.sql("postgres", "CREATE ROLE obs LOGIN")
        yield services
    finally:
        postgres.stop(signal.SIGQUIT)
        storage.stop()
        shutil.rmtree(data)


def _program(name: str) -> str:
    """The newest of PostgreSQL's programs of this name.

    Raises:
        RuntimeError: PostgreSQL is not installed.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    program = str(debian[-1]) if debian else shutil.which(name)
    if program is None:
        raise RuntimeError(f"These tests need PostgreSQL ({name}): apt-get install postgresql")
    return program


def _postgres(folder: Path, port: int, output: Path) -> Service:
    options: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "nobody", "nogroup")
        options = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    initdb = [_program("initdb"), "-D", str(folder), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **options)
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": "200",
    }
    command = [_program("postgres"), "-D", str(folder), "-p", str(port)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return Service(command, lambda: _accepts(port), output, {**options, "cwd": "/"})


def _accepts(port: int) -> bool:
    command = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _storage(folder: Path, port: int, others: list[int]) -> Service:
    folder.mkdir()
    identity = {
        "name": "obs",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    weed = Path(sys.executable).parent / "weed"
    ports = dict(zip(("master", "volume", "filer", "admin"), others, strict=True))
    command = [
        *(
            str(weed),
            "mini",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-admin.ui=false",
            "-webdav=false",
        ),
        *(
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.port={port}",
            f"-s3.config={folder / 's3.json'}",
            f"-bucket={BUCKET}",
        ),
        *(f"-{name}.port={number}" for name, number in ports.items()),
    ]
    return Service(command, lambda: _serves(port, ports["filer"]), folder.parent / "s3.log", {"cwd": str(folder)})


def _is_free(port: int) -> bool:
    with socket.socket() as here:
        try:
            here.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _serves(port: int, filer_port: int) -> bool:
    """Whether it answers, and stores and reads a file."""
    probe = urllib.request.Request(f"http://127.0.0.1:{filer_port}/ready/probe", data=b"ready" * 1_000, method="PUT")
    try:
        with urllib.request.urlopen(probe, timeout=2):  # noqa: S310 - this machine
            pass
        with urllib.request.urlopen(probe.full_url, timeout=2):  # noqa: S310 - this machine
            pass
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{BUCKET}/none", timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 403 and error.url.endswith("/none")  # it asks for a signature
    except OSError:
        return False
