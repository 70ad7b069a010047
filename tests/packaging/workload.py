"""What rackprint needs of the system, and what it must not get: run inside a sandbox, prints JSON.

`works` names each need with "" or why it failed, `refused` each temptation with "" or how far it got.
It does nothing outside a sandbox, and no temptation changes anything but its own process and temporary files.
"""

import asyncio
import ctypes
import errno
import json
import mmap
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)


def imports():
    import alembic
    import fastapi
    import httptools
    import igraph
    import jinja2
    import msgspec
    import prometheus_client
    import pydantic_settings
    import sdnotify
    import typer
    import uvicorn
    import zstandard

    assert prometheus_client.generate_latest() and zstandard.compress(b"x" * 999)
    assert igraph.Graph(edges=[(0, 1), (2, 3)]).components().membership == [0, 0, 1, 1]
    assert all((alembic, fastapi, httptools, jinja2, msgspec, pydantic_settings, sdnotify, typer, uvicorn))


def numpy_counts():
    import numpy as np

    matrix = np.arange(90_000.0).reshape(300, 300)
    assert (matrix @ matrix).shape == (300, 300)


def pyarrow_sorts():
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pa.table({"n": list(range(100_000, 0, -1))})
    assert pc.sort_indices(table["n"])[0].as_py() == 99_999
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, f"{folder}/t.parquet", compression="zstd")
        assert pq.read_table(f"{folder}/t.parquet").num_rows == 100_000


def sqlite_writes():
    import sqlalchemy as sa

    with tempfile.TemporaryDirectory(dir=os.environ.get("STATE_DIRECTORY")) as folder:
        engine = sa.create_engine(f"sqlite:///{folder}/case.db")
        with engine.begin() as connection:
            connection.execute(sa.text("PRAGMA journal_mode=WAL"))
            connection.execute(sa.text("CREATE TABLE t (n)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        engine.dispose()


def ctypes_calls_back():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    LIBC.qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    assert list(numbers) == [1, 2, 3]


def uvloop_serves():
    import uvloop

    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async def talk(folder):
        path = f"{os.environ.get('RUNTIME_DIRECTORY', folder)}/probe.sock"
        for server, connect in (
            (await asyncio.start_unix_server(echo, path), lambda _: asyncio.open_unix_connection(path)),
            (await asyncio.start_server(echo, "127.0.0.1", 0), lambda at: asyncio.open_connection(*at)),
        ):
            reader, writer = await connect(server.sockets[0].getsockname())
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            server.close()
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=subprocess.PIPE)
        assert (await child.communicate())[0] == b"1\n"

    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(talk(folder))


def a_parser_limits_itself():
    code = "import resource as r; r.setrlimit(r.RLIMIT_AS, (2**31,) * 2); r.setrlimit(r.RLIMIT_CORE, (0, 0))"
    subprocess.run([sys.executable, "-c", code], check=True)


def a_child_is_killed():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.kill()
    assert child.wait() == -9


def threads_start():
    seen = []
    threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8


def files_are_locked_and_synced():
    import fcntl

    with tempfile.TemporaryFile() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"x")
        os.fsync(file)


def uevents_are_heard():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15) as link:  # 15: NETLINK_KOBJECT_UEVENT
        link.bind((0, 1))


def memory_both_written_and_run():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def memory_made_runnable():
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    page = LIBC.mmap(None, 4096, 3, 0x22, -1, 0)
    call(LIBC.mprotect(ctypes.c_void_p(page), 4096, 5))


def a_mount():
    call(LIBC.mount(b"none", b"", b"", 0, None))  # to nowhere: ENOENT where mounting is allowed


def a_user_namespace():
    call(LIBC.unshare(0x10000000))


def another_priority():
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))


def another_owner():
    with tempfile.NamedTemporaryFile() as file:
        os.chown(file.name, os.getuid(), os.getgid())


def a_packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


def a_raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


def a_bluetooth_socket():
    socket.socket(31, socket.SOCK_RAW, 1).close()


def a_setuid_file():
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0o4755)


def another_host():
    """An address of this machine that is not localhost: only the unit's list of addresses stands against it."""
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("10.99.0.1", 0))
        listener.listen()
        client.settimeout(1)
        client.connect(listener.getsockname())


def a_write_to_etc():
    refuse_access("/etc/rackprint", os.W_OK)


def a_write_to_the_program():
    refuse_access("/usr/bin", os.W_OK)


def a_look_at_root():
    list(Path("/root").iterdir())


def a_look_at_other_processes():
    Path("/proc/1/cmdline").read_bytes()


def a_disk():
    os.close(os.open("/dev/probe-disk", os.O_RDONLY | os.O_NONBLOCK))


def refuse_access(path, mode):
    if not os.access(path, mode):
        raise PermissionError(errno.EACCES, path)


def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


BY_SYSTEM_CALL = (memory_both_written_and_run, memory_made_runnable, a_mount, another_priority, another_owner)
BY_THE_UNIT = (
    a_user_namespace, a_packet_socket, a_raw_socket, a_bluetooth_socket, a_setuid_file, another_host, a_write_to_etc,
    a_write_to_the_program, a_look_at_root, a_look_at_other_processes, a_disk,
)  # fmt: skip
NEEDS = (
    imports, numpy_counts, pyarrow_sorts, sqlite_writes, ctypes_calls_back, uvloop_serves, a_parser_limits_itself,
    a_child_is_killed, threads_start, files_are_locked_and_synced, uevents_are_heard,
)  # fmt: skip


REFUSALS = (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT, errno.ETIMEDOUT)


def need(function):
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - the report is what is asked for
        return f"{type(error).__name__}: {error}"
    return ""


def temptation(function):
    """Each is harmless where it is allowed: tests run as root, and a sandbox may not hold."""
    try:
        function()
    except TimeoutError:
        return ""
    except OSError as error:
        hidden = function in (a_look_at_other_processes, a_disk) and error.errno == errno.ENOENT
        return "" if hidden or error.errno in REFUSALS else f"not refused, but: {error}"
    return "was allowed"


def run(needs=NEEDS, temptations=BY_SYSTEM_CALL):
    if "\nSeccomp:\t2\n" not in Path("/proc/self/status").read_text():
        raise SystemExit("not in a sandbox: no filter of system calls is set")
    return {
        "works": {f.__name__: need(f) for f in needs},
        "refused": {f.__name__: temptation(f) for f in temptations},
    }


if __name__ == "__main__":
    print(json.dumps(run()))
