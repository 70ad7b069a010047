"""What ``rackprint config check`` looks at beyond the file: keys, certificates, folders and ports of this machine."""

from __future__ import annotations

import os
import re
import ssl
import stat
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from rackprint.daemon.config_model import Config

_BIND_LOW_PORTS = 10  # CAP_NET_BIND_SERVICE


def problems(config: Config) -> list[str]:
    """What would go wrong on this machine, one line each: key, file, reason, remedy."""
    platform, listen = config.platform, config.listen
    found = [_folder("case", config.case, made=True)]
    if platform.key_file is not None:
        found.extend(_key_file(platform.key_file))
    if config.spool.folder is not None:
        found.append(_folder("spool.folder", config.spool.folder))
    if config.audit.file is not None:
        found.append(_log("audit.file", config.audit.file))
    if listen.socket is not None:
        found.extend(_socket(listen.socket))
    if listen.tls_cert is not None and listen.tls_key is not None:
        found.extend(_tls(listen.tls_cert, listen.tls_key))
    found.append(_port(listen.port))
    if config.store.url and find_spec("psycopg") is None:
        found.append("store.url: psycopg is not installed; pip install 'rackprint[postgresql]'")
    if not config.auth.required and listen.socket is not None and int(listen.socket_mode, 8) & 0o002:
        found.append("listen.socket_mode: everybody here could do anything without a token; take 0660 or less")
    return [line for line in found if line]


def _folder(key: str, path: Path, *, made: bool = False) -> str | None:
    """A folder to write to; one that is ``made`` on the way may be missing."""
    there = path
    while made and not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        why = "is no folder" if there.exists() else "does not exist"
        return f"{key}: {there}: {why}; make it, or name another"
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        return f"{key}: {there}: may not be written; give it to the user that runs rackprint"
    return None


def _log(key: str, path: Path) -> str | None:
    if path.is_dir():
        return f"{key}: {path}: is a folder; name a file in it"
    if path.exists():
        return None if os.access(path, os.W_OK) else f"{key}: {path}: may not be written; give it to rackprint's user"
    return _folder(key, path.absolute().parent)


def _socket(path: Path) -> Iterator[str | None]:
    if len(os.fsencode(path)) > 107:
        yield f"listen.socket: {path}: is longer than the 107 bytes a socket's path may have; take a shorter one"
    if path.exists() and not path.is_socket():
        yield f"listen.socket: {path}: is there and is no socket; remove it, or name another"
    folder = path.absolute().parent
    if folder.exists() or not folder.is_relative_to("/run"):  # what is in /run, systemd makes at the start
        yield _folder("listen.socket", folder)


def _key_file(path: Path) -> Iterator[str]:
    status = _file("platform.key_file", path)
    if isinstance(status, str):
        yield status
        return
    if status.st_size < 32:
        yield (
            f"platform.key_file: {path}: holds {status.st_size} bytes and needs 32; "
            "head -c 32 /dev/urandom makes them, but a new key makes new pseudonyms"
        )
    yield from _secret("platform.key_file", path, status)


def _tls(cert: Path, key: Path) -> Iterator[str]:
    certificate, secret = _file("listen.tls_cert", cert), _file("listen.tls_key", key)
    yield from (status for status in (certificate, secret) if isinstance(status, str))
    if isinstance(certificate, str) or isinstance(secret, str):
        return
    yield from _secret("listen.tls_key", key, secret)
    try:
        # An empty password instead of a question on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield f"listen.tls_key: {key}: does not belong to {cert}; name the pair"
        else:
            why = (error.reason or str(error)).lower().replace("_", " ")
            yield f"listen.tls_cert: {cert} and {key}: are no PEM pair ({why}); name a certificate and its open key"
    except ValueError as error:
        yield f"listen.tls_cert: {cert} and {key}: are no PEM pair ({error}); name a certificate and its open key"


def _file(key: str, path: Path) -> os.stat_result | str:
    """The state of a file that can be read, or what is wrong with it."""
    try:
        status = path.stat()
    except OSError as error:
        return f"{key}: {path}: {(error.strerror or str(error)).lower()}; name a file that rackprint may read"
    if not stat.S_ISREG(status.st_mode):
        return f"{key}: {path}: is no file; name one that rackprint may read"
    if not os.access(path, os.R_OK):
        return f"{key}: {path}: may not be read; give it to the user that runs rackprint"
    return status


def _secret(key: str, path: Path, status: os.stat_result) -> Iterator[str]:
    # systemd lets the service read a credential by ACL, and the mode then shows the ACL's mask as the group's.
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = folder is not None and path.is_relative_to(folder)
    if stat.S_IMODE(status.st_mode) & (0o037 if credential else 0o077):
        yield f"{key}: {path}: others may reach it (mode {stat.S_IMODE(status.st_mode):04o}); chmod 600 it"


def _port(port: int) -> str | None:
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        held = re.search(r"^CapEff:\s*([0-9a-f]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    except (OSError, ValueError):
        low, held = 1024, None
    may = bool(int(held[1], 16) >> _BIND_LOW_PORTS & 1) if held else os.geteuid() == 0
    if 0 < port < low and not may:
        return f"listen.port: {port} takes a privilege; give CAP_NET_BIND_SERVICE, or take a port from {low} on"
    return None
