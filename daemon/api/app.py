"""The application: its routes, its errors, and the servers that it listens with."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response

from rackprint.daemon.api import answers, ingest, live, operations, problems, uploads
from rackprint.daemon.api.gate import Gate
from rackprint.daemon.api.protocol import protocol
from rackprint.daemon.intake.committing import is_full

if TYPE_CHECKING:
    from rackprint.daemon.service import Service

_ABOUT = (
    "Links accounts to the phones they share. Every route but /healthz, /readyz and this document asks for a token "
    "(`rackprint token make`) with the scope that it names: ingest, read or admin."
)


def application(service: Service) -> Gate:
    """The application of ``service``, behind its gate."""
    app = FastAPI(
        title="rackprint", version=version("rackprint"), description=_ABOUT, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.service = service
    for module in (ingest, uploads, live, answers, operations):
        app.include_router(module.router)
    problems.install(app)

    @app.exception_handler(OSError)
    async def _storage(request: Request, error: OSError) -> Response:
        reason = (error.strerror or str(error)).lower()
        service.metrics.failed("full" if is_full(error) else "failed")
        if is_full(error):
            return problems.answer(507, f"no room: {reason}; nothing was acknowledged, send it again", retry=30)
        return problems.answer(503, f"{reason}; nothing was acknowledged, send it again", retry=5)

    return Gate(app, service.config, service.keys, service.audit, service.metrics)


class Server(uvicorn.Server):
    """A server that leaves signals to the daemon."""

    def install_signal_handlers(self) -> None:
        """None: the daemon has its own."""

    def capture_signals(self) -> Any:
        """None: the daemon has its own."""
        from contextlib import nullcontext

        return nullcontext()


def servers(app: Gate, service: Service) -> list[Server]:
    """One for TCP, and one for the Unix socket where there is one."""
    config = service.config
    common: dict[str, Any] = {
        "app": app, "log_config": None, "access_log": False, "server_header": False, "lifespan": "off",
        "timeout_keep_alive": 75, "timeout_graceful_shutdown": 25, "http": protocol(config.limits.header_seconds),
        "proxy_headers": config.listen.behind_proxy, "ws": "none", "backlog": 512,
    }  # fmt: skip
    listen = config.listen
    tls: dict[str, Any] = (
        {"ssl_certfile": str(listen.tls_cert), "ssl_keyfile": str(listen.tls_key)} if listen.tls_cert else {}
    )
    found = [Server(uvicorn.Config(**common, host=listen.host, port=listen.port, **tls))]
    if listen.socket is not None:
        found.append(Server(uvicorn.Config(**common, uds=str(listen.socket))))
    return found
