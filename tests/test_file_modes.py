"""Who may open what the product makes: every file of a log in use, made with the loosest umask."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from tests.support import archives

PROGRAM = """
import os
os.umask(0)
from obs_core import flush, record
from obs_core.cli.main import main
record("price", 1)
flush()
assert main(["rules", "add", "stuck", "stale", "data=price", "threshold=3"]) == 0
assert main(["webhooks", "add", "ops", "https://hooks.example.com/x"]) == 0
os._exit(0)  # its spool and write-ahead log stay
"""
SEAL = """
import os, sys
os.umask(0)
from obs_core.cli.main import main
sys.exit(main(["archive", "seal"]))
"""


def test_all_files_of_a_log_are_for_their_owner_only(tmp_path: Path) -> None:
    archives.append(tmp_path / "trace.db", archives.mixed(50))  # of days that can be sealed
    environment = {**os.environ, "OBS_LOG": str(tmp_path / "trace.db")}
    for program in (PROGRAM, SEAL):
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120, capture_output=True)
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {name.rpartition(".")[2] for name in modes} >= {"db", "db-wal", "spool", "parquet"}, sorted(modes)
    assert {name: mode for name, mode in modes.items() if mode not in (0o600, 0o700)} == {}
