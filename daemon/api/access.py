"""Which scope a route asks for, and the service behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from rackprint.daemon.api.problems import ProblemError

if TYPE_CHECKING:
    from rackprint.daemon.service import Service

_bearer = HTTPBearer(auto_error=False, description="A token of `rackprint token make`")


def needs(scope: str) -> Any:
    """A dependency that refuses a token without ``scope``."""

    def check(request: Request, _: Annotated[Any, Depends(_bearer)] = None) -> None:
        token = request.scope["state"]["token"]
        if not token.may(scope):
            raise ProblemError(403, f"token {token.name} has not the scope {scope}")

    return Depends(check)


def service(request: Request) -> Service:
    """The service that the application serves."""
    found: Service = request.app.state.service
    return found
