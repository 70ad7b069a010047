"""The page of the API against the application's own OpenAPI: each route with its scope, its parameters and an example,
and none that there is not."""

import asyncio
import json
import re
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from rackprint.daemon.api.app import application
from rackprint.daemon.audit import AuditLog
from rackprint.daemon.config import Config
from rackprint.daemon.metrics import Metrics
from rackprint.daemon.tokens import Token

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text()
ROW = re.compile(r"^\| `([A-Z]+) (/\S*)` \| (\w+) \| (.*?) \| \S.*\|$", re.MULTILINE)
TOLD = {(method, path): (scope, re.findall(r"`([^`]+)`", names)) for method, path, scope, names in ROW.findall(PAGE)}
VALUES = {"device": "d-000000000000", "sha256": "0" * 64, "upload": "0" * 32}


class Anybody:
    """Tokens whose secret names their scopes."""

    def find(self, secret: str) -> Token | None:
        scopes = tuple(scope for scope in secret.split("+") if scope)
        return Token(name="t", sha256="0" * 64, scopes=scopes, created="2026-01-01T00:00:00Z") if scopes else None


class Application:
    """The application without a daemon behind it: who may not ask is refused, who may gets as far as a 422 or 500."""

    def __init__(self, folder: Path) -> None:
        service = SimpleNamespace(
            config=Config(), keys=Anybody(), audit=AuditLog(folder / "audit.log"), metrics=Metrics(), key=b""
        )
        self._transport = httpx.ASGITransport(application(service), raise_app_exceptions=False)

    def ask(self, method: str, path: str, token: str = "") -> httpx.Response:
        async def asked() -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with httpx.AsyncClient(transport=self._transport, base_url="http://rackprint") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(asked())

    def scope(self, method: str, template: str) -> str:
        path = re.sub(r"\{(\w+)\}", lambda found: VALUES.get(found[1], "x:y"), template)
        if self.ask(method, path).status_code != 401:
            return "none"
        for scope in ("ingest", "read"):
            if self.ask(method, path, scope).status_code != 403:
                return scope
        return "admin"


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Application:
    return Application(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def there(app) -> dict[tuple[str, str], list[dict]]:
    """(method, path) of each route of the document, with its parameters."""
    document = app.ask("GET", "/openapi.json").json()
    return {
        (method.upper(), path): [p for p in operation.get("parameters", []) if p["in"] != "path"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def test_the_page_has_each_route_and_no_other(there):
    assert len(there) > 25
    assert set(TOLD) == set(there)


def test_each_scope_is_the_one_that_is_asked_for(app, there):
    assert {route: scope for route, (scope, _) in TOLD.items()} == {route: app.scope(*route) for route in there}


def test_each_parameter_is_named(there):
    for route, parameters in there.items():
        assert {p["name"].lower() for p in parameters} == {name.lower() for name in TOLD[route][1]}, route


def examples(text: str) -> list[str]:
    """The lines of a page that ask with curl."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", "").splitlines() if "curl " in line]


def asked(line: str) -> tuple[str, str]:
    """The method and path of an example."""
    address = re.search(r"(?:localhost:8470|http://localhost|https://rackprint\.example:8470)(/[^\s'?]*)", line)
    assert address, line
    named = re.search(r"-X (\w+)", line)
    sends = "POST" if re.search(r" (?:-d|--data-binary) ", line) else "HEAD" if " -I " in line else "GET"
    return (named[1] if named else sends), address[1]


def fits(path: str, template: str) -> bool:
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None


def test_each_route_has_an_example(there):
    found = [asked(line) for line in examples(PAGE)]
    for method, template in there:
        assert any(m == method and fits(path, template) for m, path in found), (method, template)


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_no_example_of_any_page_asks_for_what_is_not_there(there, name):
    for line in examples((DOCS / name).read_text()):
        method, path = asked(line)
        if path != "/openapi.json":
            assert any(m == method and fits(path, template) for m, template in there), line


def test_the_json_that_is_sent_is_json():
    sent = re.findall(r" -d '(\{.*?\})'", PAGE, re.DOTALL)
    assert sent
    for text in sent:
        assert {"time", "source"} <= json.loads(text).keys()
