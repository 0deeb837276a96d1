"""A port of the loopback that nothing listens on."""

import socket


def free_port() -> int:
    """Ask the system for one; it is free until somebody takes it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
