"""The migrations make exactly the schema that the models declare, and can be taken back."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from rackprint.daemon.store.engine import REVISION, config, upgrade
from rackprint.daemon.store.models import Base


def test_migrations_make_what_the_models_declare(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine, tmp_path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrations_go_down_again(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine, tmp_path)
    with engine.begin() as connection:
        command.downgrade(config(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_the_newest_migration_is_the_one_that_a_quick_open_expects():
    assert ScriptDirectory.from_config(config(None)).get_current_head() == REVISION
