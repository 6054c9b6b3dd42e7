"""Cuts Python off from the network, this machine excepted: in the test process, and in every child that Python starts.

`tests/conftest.py` puts this folder on PYTHONPATH, and Python imports a module of this name at start-up.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo


class NoNetwork(ConnectionError):
    """Raised where a test reaches for another machine."""


def _refuse_unless_local(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host in (None, "", "localhost", socket.gethostname()):
        return
    try:
        if ipaddress.ip_address(str(host).split("%")[0]).is_loopback:
            return
    except ValueError:
        pass
    raise NoNetwork(f"The tests run without a network, but something asked for {host!r}.")


def _check(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        _refuse_unless_local(address[0])


def connect(self: socket.socket, address: Any) -> None:
    _check(self, address)
    return _connect(self, address)


def connect_ex(self: socket.socket, address: Any) -> int:
    _check(self, address)
    return _connect_ex(self, address)


def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    # 0.0.0.0 and :: are asked for by servers that listen, never by clients.
    if host not in ("0.0.0.0", "::"):
        _refuse_unless_local(host)
    return _getaddrinfo(host, *args, **kwargs)


socket.socket.connect = connect  # type: ignore[method-assign]
socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]
socket.getaddrinfo = getaddrinfo
