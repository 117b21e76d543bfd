"""The receiver on its port: an HTTP server with limits for its connections."""

import asyncio
import errno
import resource
import socket
from functools import partial
from typing import Final, cast

import uvicorn

from obs_core import heartbeat
from obs_core.errors import ObsError, PortInUse
from obs_core.ingest.receiver.connections import Connection, Connections
from obs_core.ingest.receiver.grpc_listener import GrpcListener, listening_for_grpc
from obs_core.ingest.receiver.intake import Intake
from obs_core.ingest.receiver.server import Receiver
from obs_core.settings import Settings, http_address

_IDLE_S: Final = 75  # uvicorn's 5 s are just the pause of exporters: connections would end as the next batch comes
_GRACE_S: Final = 3  # for responses in flight when the receiver stops
_BACKLOG: Final = 512
_OTHER_DESCRIPTORS: Final = 56  # the log, the watcher of the parent, modules that are imported


class Listener:
    """A receiver on its port."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        """Listen on the host and port of the settings.

        Raises:
            PortInUse: another program uses the port.
            ObsError: the host is not an address of this machine, or the port needs more rights.
        """
        self._intake = intake
        self._listening = _listening(settings.otlp_host, settings.otlp_port)
        self.address = http_address(settings.otlp_host, self._listening.getsockname()[1])
        receiver = Receiver(settings, intake)
        socket_of_grpc, self.warning = listening_for_grpc(settings)
        self.grpc = GrpcListener(settings, receiver, socket_of_grpc) if socket_of_grpc else None
        config = uvicorn.Config(
            receiver.app(),
            log_level="warning",
            access_log=False,
            lifespan="off",
            http=cast("type[asyncio.Protocol]", partial(Connection, _connections(settings, intake.descriptors))),
            ws="none",
            server_header=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_GRACE_S,
            callback_notify=_beat,
            timeout_notify=1,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until a signal or `stop`; then move accepted rows into the log."""
        if self.grpc:
            self.grpc.start()
        try:
            self._server.run(sockets=[self._listening])
        finally:
            self._listening.close()
            if self.grpc:
                self.grpc.stop()
            self._intake.close()

    def stop(self) -> None:
        """Stop it from another thread."""
        self._server.should_exit = True


async def _beat() -> None:
    """Show the supervisor that the event loop runs."""
    heartbeat.beat()


def _connections(settings: Settings, of_spool: int) -> Connections:
    """The limits in the settings; all connections together also need fewer descriptors than the process may have."""
    most = settings.otlp_connections
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors != resource.RLIM_INFINITY:
        most = max(min(most, descriptors - _OTHER_DESCRIPTORS - of_spool), 1)
    return Connections.limited(
        most, settings.otlp_peer_connections, settings.otlp_head_s, settings.otlp_body_s, _IDLE_S
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            message = f"Port {port} on {host} is in use by another program."
            raise PortInUse(message, "Stop that program, or set OBS_OTLP_PORT.") from error
        message = f"Can't listen on {host}, port {port}: {str(error).rstrip('.')}."
        raise ObsError(message, "Check OBS_OTLP_HOST and OBS_OTLP_PORT.") from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 44 ms less: header and body are sent apart
    return listening
