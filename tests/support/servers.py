"""Ports of this machine."""

import socket
from contextlib import closing


def free_port() -> int:
    """A port of this machine that is free just now."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
