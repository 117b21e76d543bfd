"""SQL files: the header declares parameters, columns read and columns returned."""

import pytest

from obs_core.query.engine.sql_file import names, parsed, sql_file

GOOD = """\
-- Answers: how many there are
--   of each kind.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all, by default), size BIGINT
-- Reads: calls(status, timestamp), values(timestamp)
-- Returns: kind VARCHAR, rows BIGINT
SELECT 1;
"""


def test_a_header_is_read_with_continuation_lines_and_without_remarks() -> None:
    file = parsed("x/y", GOOD)
    assert file.answers == "how many there are of each kind."
    assert file.reach == "analytical"
    assert file.parameters == {"group": "VARCHAR", "size": "BIGINT"}
    assert file.reads == {"calls": ("status", "timestamp"), "values": ("timestamp",)}
    assert file.returns == {"kind": "VARCHAR", "rows": "BIGINT"}
    assert file.statement == "SELECT 1"


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace("-- Answers", "-- Says"),
        GOOD.replace("analytical", "somehow"),
        GOOD.replace("-- Reads: calls(status, timestamp), values(timestamp)\n", ""),
        GOOD.replace("analytical", "narrow"),
        GOOD.replace("values(", "readings("),
        "SELECT 1",
    ],
)
def test_a_broken_header_is_an_error_that_names_the_file(broken: str) -> None:
    with pytest.raises(ValueError, match=r"^x/y\.sql: "):
        parsed("x/y", broken)


def test_every_sql_file_has_a_valid_header() -> None:
    assert len(names()) > 10
    for name in names():
        assert sql_file(name).answers.endswith("."), name
