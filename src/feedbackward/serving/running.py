"""Running an application until Ctrl-C or SIGTERM, after which requests that have begun are answered."""

import signal
import socket
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from feedbackward.errors import InputError

LAST_PORT = 65535
GRACE_SECONDS = 10
"""For requests that have begun when the server is told to end."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: An address, or a name of this machine.
        port: The port; 0 for any that is free.

    Raises:
        InputError: If it is in use, not of this machine, or there is none.
    """
    if port > LAST_PORT:
        raise InputError(f"there is no port {port}; expected 0 to {LAST_PORT}, 0 for any that is free")
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:  # UnicodeError: of a name with more than 63 letters
        message = (error.strerror if isinstance(error, OSError) else None) or str(error)
        reason = message.partition(" (")[0].lower()
        raise InputError(f"cannot listen on {host}, port {port}: {reason}; choose another --port or --host") from error


def create_server(app: ASGIApp) -> uvicorn.Server:
    """The web server of an application."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return uvicorn.Server(config)


def run_until_told(app: ASGIApp, listening: socket.socket) -> None:
    """Answer requests until the process is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # the server ends, and then raises the signal again
    with suppress(KeyboardInterrupt):
        create_server(app).run([listening])
