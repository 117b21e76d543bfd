"""`python -m obs_core serve`: starts the dashboard, from any directory."""

import argparse
import errno
import os
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from obs_core.cli import argument_types
from obs_core.errors import ObsError, PortInUse, SetupBroken
from obs_core.settings import from_environment
from obs_core.tokens import check_listening

LAUNCHER: Final = "streamlit_app.py"
_PACKAGE: Final = Path(__file__).parents[1]
_PORT: Final = 8501
_START_S: Final = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument("--port", type=argument_types.port, default=_PORT, help=f"the port to listen on ({_PORT})")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond this machine without a token (OBS_INSECURE=yes)"
    )
    parser.add_argument("--open", action="store_true", help="open the dashboard in a browser when it is ready")


def run(options: argparse.Namespace) -> int:
    """Become the server; with --open, start it and open a browser."""
    if find_spec("streamlit") is None:
        raise SetupBroken("The dashboard is not installed.", "Run: pip install 'obs-core[dashboard]'")
    settings, environment = from_environment(), dict(os.environ)
    check_listening(options.host, settings.token, insecure=options.insecure or settings.insecure)
    check_port(options.host, options.port)
    if options.insecure:
        environment["OBS_INSECURE"] = "yes"
    if options.log:
        environment["OBS_LOG"] = str(options.log.absolute())
    started = command(launcher(), options.host, options.port)
    if options.open:
        threading.Thread(target=_open, args=(options.host, options.port), daemon=True).start()
    else:
        os.execve(started[0], started, environment)  # noqa: S606 - no shell: signals reach the server itself
    return subprocess.call(started, env=environment)


def launcher() -> Path:
    """The launcher: `obs_core/app` of an installed wheel, else the checkout's.

    Raises:
        SetupBroken: there is neither.
    """
    for folder in (_PACKAGE / "app", _PACKAGE.parent):
        if (folder / LAUNCHER).is_file() and (folder / "pages").is_dir():
            return folder / LAUNCHER
    raise SetupBroken("The pages of the dashboard are missing.", "Install the wheel, or start it in a checkout.")


def command(app: Path, host: str, port: int) -> list[str]:
    """The command line of the server; its theme is in `.streamlit` next to the launcher."""
    options = ("--server.address", host, "--server.port", str(port))
    # -P: a json.py in the directory where it is started must not be what the server imports
    return [sys.executable, "-P", "-m", "streamlit", "run", str(app), *options]


def check_port(host: str, port: int) -> None:
    """Refuse a port that can't be listened on, with a sentence; the server would print less.

    Raises:
        PortInUse: another program listens on it.
        ObsError: the address is not one of this machine, or the port needs more rights.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} on {host} is in use by another program.", "Choose one: --port 8502"
            ) from error
        message = f"Can't listen on {host}, port {port}: {str(error).rstrip('.')}."
        raise ObsError(message, "Check --host and --port.") from error


def _open(host: str, port: int) -> None:
    """Open a browser as soon as the server accepts connections."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what to open, not to listen on
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        try:
            socket.create_connection((shown, port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}")
            return
