"""One database for all tests of twins, and the same spans in a log."""

from collections.abc import Iterator

import pytest

from obs_core.query.engine import clickhouse_client, clickhouse_tables
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.engine.worker_pool import Pool
from tests.support import clickhouse, otlp_documents


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits for a busy machine; tests of the limits set them again."""
    monkeypatch.setattr(clickhouse_client, "LEAST_S", 60)
    monkeypatch.setattr(clickhouse_tables, "ANSWER_S", 60.0)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database with 120 traces, as the Collector's exporter stores them."""
    name = clickhouse.database()
    clickhouse.store(name, otlp_documents.document(120))
    yield name
    clickhouse.drop(name)


@pytest.fixture(scope="module")
def store(database: str, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on the database."""
    log = tmp_path_factory.mktemp("store") / "own.db"
    with engine_on(log, f"chdb://memory/{database}", pool=pool, limit_s=30) as engine:
        yield engine


@pytest.fixture(scope="module")
def local(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a log with the same spans and records, as the receiver stores them."""
    log = tmp_path_factory.mktemp("local") / "trace.db"
    clickhouse.log(log, otlp_documents.document(120))
    with Engine(log, pool=pool, limit_s=30) as engine:
        yield engine
