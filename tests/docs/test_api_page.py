"""The page of the API names every route that there is, with its scope, and none that there is not."""

import re
from pathlib import Path

from rackprint.daemon.api import answers, ingest, live, operations, uploads

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_page_names_each_route():
    told = set(re.findall(r"^\| `([A-Z]+ /\S*)` \| (?:none|ingest|read|admin) \|", PAGE.read_text(), re.MULTILINE))
    there = {
        f"{method} {route.path.replace(':path', '')}"
        for module in (answers, ingest, live, operations, uploads)
        for route in module.router.routes
        for method in route.methods
    }
    assert told == there
