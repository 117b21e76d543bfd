"""Opens the engine that the settings ask for: on a log file, or on the store that `OBS_STORE` names."""

import os
from functools import partial
from pathlib import Path
from typing import Any

from obs_core.query.engine.clickhouse_source import ClickHouseSource
from obs_core.query.engine.clickhouse_url import parsed
from obs_core.query.engine.engine import Engine


def engine_on(log: Path, store: str = "", *, limit_s: float = 5.0, **options: Any) -> Engine:  # noqa: ANN401 - Engine's
    """An engine on the store at the URL `store`, or on the log if that is empty; `options` are those of `Engine`.

    Raises:
        SetupBroken: the URL is not that of a store.
    """
    if not store:
        return Engine(log, limit_s=limit_s, **options)
    url = parsed(store, os.environ)
    return Engine(log, limit_s=limit_s, source=partial(ClickHouseSource, url, limit_s=limit_s), **options)
