"""Whether the addresses of the doors can be listened on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from adapter.commands.check_result import Result
from adapter.settings import Settings

WHY = {
    errno.EACCES: ("this user may not listen there", "ports below 1024 need the capability CAP_NET_BIND_SERVICE"),
    errno.EADDRNOTAVAIL: ("no interface of this machine has that address", "name an address of this machine"),
}
IN_USE = "another program listens there already"


def ports(settings: Settings, holder: int | None) -> Iterator[Result]:
    """Every door; `holder` is the process id of a service that runs on this store, and may hold them."""
    for listener in settings.mllp:
        yield _port(f"port mllp {listener.name}", listener.host, listener.port, holder)
    yield _port("port http", settings.http.host, settings.http.port, holder)


def _port(about: str, host: str, port: int, holder: int | None) -> Result:
    address = f"{host}:{port}"
    try:
        _listen(host, port)
    except socket.gaierror:
        return Result(about=about, state="failed", said=f"{address}: the name {host} is not known here")
    except OSError as fault:
        return _refused(about, address, fault, holder)
    return Result(about=about, state="ok", said=f"{address} is free" if port else f"{host}: any free port")


def _refused(about: str, address: str, fault: OSError, holder: int | None) -> Result:
    if fault.errno == errno.EADDRINUSE and holder is not None:
        return Result(about=about, state="ok", said=f"{address} is in use; the service runs as process {holder}")
    said, advice = WHY.get(fault.errno or 0, (IN_USE, "end that program, or configure another port"))
    if fault.errno not in (*WHY, errno.EADDRINUSE):
        said, advice = (fault.strerror or "it cannot be listened on"), "configure another address"
    return Result(about=about, state="failed", said=f"{address}: {said}", advice=advice)


def _listen(host: str, port: int) -> None:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(place)
        probe.listen(1)
