"""Who may ask what: every route of the document, without a token, with a wrong, a revoked and an expired one."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from serving import Daemon

from rackprint.daemon.tokens import make, revoke

OPEN = {"/healthz", "/readyz"}
PLACES = {
    "account": "photogram:nobody", "device": "d-000000000000", "farm": "farm-none", "observation": "none",
    "sha256": "0" * 64, "upload": "0" * 32,
}  # fmt: skip
INGEST = {"/v1/observations", "/v1/artifacts", "/v1/uploads", "/v1/uploads/{upload}"}


def routes(client: httpx.Client) -> list[tuple[str, str, str]]:
    """(method, template, path) of every route."""
    document = client.get("/openapi.json").json()
    return [
        (method.upper(), template, template.format(**PLACES))
        for template, operations in document["paths"].items()
        for method in operations
    ]


def scope_of(method: str, template: str) -> str:
    if template == "/v1/link":
        return "admin"
    return "ingest" if template in INGEST and (method, template) != ("GET", "/v1/artifacts") else "read"


def problem(found: httpx.Response, status: int) -> None:
    assert found.status_code == status, (found.request.method, found.request.url, found.text)
    if found.request.method == "HEAD":
        return
    assert found.headers["content-type"] == "application/problem+json"
    body = found.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]


def test_every_route_asks_for_a_token(rack):
    with rack.client("") as client:
        asked = [route for route in routes(client) if route[1] not in OPEN]
        assert len(asked) > 25
        for method, _, path in asked:
            found = client.request(method, path)
            problem(found, 401)
            assert found.headers["www-authenticate"].startswith("Bearer")


def test_what_is_open_is_open(rack):
    with rack.client("") as client:
        for path in (*OPEN, "/openapi.json"):
            assert client.get(path).status_code == 200


def test_another_scope_is_not_enough(rack):
    with rack.client("ingest") as ingest, rack.client("read") as read:
        for method, template, path in routes(ingest):
            if template in OPEN:
                continue
            scope = scope_of(method, template)
            if scope != "read":
                problem(read.request(method, path), 403)
            if scope != "ingest":
                problem(ingest.request(method, path), 403)


def test_the_scope_is_enough(rack):
    with rack.client("ingest") as ingest, rack.client("read") as read, rack.client("admin") as admin:
        of = {"ingest": ingest, "read": read, "admin": admin}
        for method, template, path in routes(ingest):
            if template not in OPEN:
                for client in {of[scope_of(method, template)], admin}:
                    assert client.request(method, path).status_code not in {401, 403}, (method, path)


@pytest.mark.parametrize("header", [
    "", "Bearer", "Bearer x", "Basic cmFjazpyYWNr", "bearer\trp_x", "Bearer " + "é" * 9, "Bearer " + "a" * 9999,
    "Bearer a, Bearer b",
])  # fmt: skip
def test_no_token_at_all(rack, header):
    with rack.client("") as client:
        problem(client.get("/v1/accounts", headers={b"Authorization": header.encode()}), 401)


def test_two_tokens_are_none(rack):
    good = f"Bearer {rack.tokens['admin']}"
    for headers in ([good, "Bearer x"], ["Bearer x", good], [good, good]):
        with rack.client("") as client:
            problem(client.get("/v1/accounts", headers=[("Authorization", value) for value in headers]), 401)


def test_a_token_in_the_address_is_none(rack):
    with rack.client("") as client:
        problem(client.get("/v1/accounts", params={"access_token": rack.tokens["admin"]}), 401)


def test_revoked_and_expired_within_a_second_or_so(rack: Daemon, until):
    for name in ("short", "ended"):
        expires = datetime.now(UTC) + timedelta(seconds=2) if name == "short" else None
        secret = make(rack.case, name, ["read"], expires)
        with rack.client("") as client:
            client.headers["Authorization"] = f"Bearer {secret}"
            until(lambda client=client: client.get("/v1/accounts").status_code == 200, 1.9)
            if name == "ended":
                revoke(rack.case, name)
            until(lambda client=client: client.get("/v1/accounts").status_code == 401, 5)


def test_the_socket_needs_no_token(begin, tmp_path):
    path = tmp_path / "s"
    daemon = begin(listen__socket=str(path), listen__socket_mode="0600")
    assert path.stat().st_mode & 0o777 == 0o600
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://rackprint") as client:
        assert client.get("/v1/accounts").status_code == 200
        assert client.post("/v1/link").status_code == 202
    with daemon.client("") as client:
        problem(client.get("/v1/accounts"), 401)
    daemon.stop()
    assert '"who":"unix","from":"unix"' in (daemon.case / "audit.log").read_text()


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v2/accounts", "/docs", "/..", "/%2e%2e/etc/passwd", "/metrics/"]
)
def test_an_unknown_route(rack, path):
    with rack.client("admin") as client:
        problem(client.get(path), 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND"])
def test_a_wrong_method(rack, method):
    with rack.client("admin") as client:
        for path in ("/v1/accounts", "/v1/observations", "/v1/link", "/healthz"):
            found = client.request(method, path)
            problem(found, 405)
            assert found.headers["allow"]
