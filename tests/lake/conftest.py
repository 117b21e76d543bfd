"""A PostgreSQL and an S3 API for the tests of the shared lake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import lake_services
from tests.support.lakes import Shared


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lake_services.Services]:
    """Both, running: starting them takes four seconds."""
    with lake_services.running(tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture
def shared(services: lake_services.Services, request: pytest.FixtureRequest) -> Iterator[Shared]:
    """An empty lake of its own."""
    lake = Shared(services, f"l{abs(hash(request.node.nodeid)):x}"[:20])
    yield lake
    lake.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Shared]:
    """An empty lake on servers of its own, which the test stops and starts."""
    folder = tmp_path / "servers"
    folder.mkdir()
    with lake_services.running(folder) as running:
        yield Shared(running, "own", is_stopped=True)
