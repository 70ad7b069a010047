"""One number an observation; the linkage as spans of runs, so that what was said before can be asked for"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
LINKAGE = (
    "farm_devices", "farms", "transfers", "ties", "conflicts", "links", "device_observations", "devices",
)  # fmt: skip
KEPT = ("problems", "observation_accounts", "observations", "artifacts")


def _aside(tables: tuple[str, ...]) -> None:
    """Moves the rows of ``tables`` out of the way of new tables of those names."""
    for table in tables:
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")
    for table in tables:
        op.drop_table(table)


def _done() -> None:
    for table in KEPT:
        op.drop_table(f"old_{table}")


def upgrade() -> None:
    """Keeps the evidence; the linkage is made anew by the next run of the linker."""
    for table in LINKAGE:
        op.drop_table(table)
    _aside(KEPT)
    op.execute("DELETE FROM state WHERE key = 'linked_observations'")
    _tables()
    op.execute(
        'INSERT INTO artifacts (number, sha256, name, size, taken_at, added_at, exhibit, parser, done, pack, "offset") '
        "SELECT row_number() OVER (ORDER BY added_at, sha256), sha256, name, size, taken_at, added_at, exhibit, "
        "parser, done, '', 0 FROM old_artifacts"
    )
    op.execute("INSERT INTO problems (id, artifact, body) SELECT id, artifact, body FROM old_problems")
    op.execute(
        'INSERT INTO observations (number, id, time, artifact, line, "offset", form, body) '
        "SELECT row_number() OVER (ORDER BY o.id), o.id, o.time, coalesce(a.number, 0), 0, 0, 0, o.body "
        "FROM old_observations o LEFT JOIN artifacts a ON a.sha256 = o.artifact"
    )
    op.execute(
        "INSERT INTO observation_accounts (account, observation) SELECT x.account, o.number "
        "FROM old_observation_accounts x JOIN observations o ON o.id = x.observation"
    )
    _done()


def _tables() -> None:
    op.create_table(
        "artifacts",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("exhibit", sa.Text(), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_artifacts_sha256")),
    )
    op.create_table(
        "conflicts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", "since", name=op.f("pk_conflicts")),
    )
    op.create_table(
        "device_observations",
        sa.Column("observation", NUMBER, autoincrement=False, nullable=False),
        sa.Column("device", NAME, nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("observation", "since", name=op.f("pk_device_observations")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_device_observations_device"), "device_observations", ["device"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", NAME, nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("anchor_signal", sa.Text(), nullable=False),
        sa.Column("anchor_key", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "since", name=op.f("pk_devices")),
    )
    op.create_table(
        "events",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device", NAME, nullable=False),
        sa.Column("account", NAME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_account"), "events", ["account"], unique=False)
    op.create_index(op.f("ix_events_device"), "events", ["device"], unique=False)
    op.create_index(op.f("ix_events_run"), "events", ["run"], unique=False)
    op.create_table(
        "farm_devices",
        sa.Column("device", NAME, nullable=False),
        sa.Column("farm", NAME, nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device", "farm", "since", name=op.f("pk_farm_devices")),
    )
    op.create_index(op.f("ix_farm_devices_farm"), "farm_devices", ["farm"], unique=False)
    op.create_table(
        "farms",
        sa.Column("id", NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "since", name=op.f("pk_farms")),
    )
    op.create_table(
        "links",
        sa.Column("account", NAME, nullable=False),
        sa.Column("device", NAME, nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "device", "since", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_device"), "links", ["device"], unique=False)
    op.create_table(
        "observation_accounts",
        sa.Column("account", NAME, nullable=False),
        sa.Column("observation", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", "observation", name=op.f("pk_observation_accounts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "observations",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("artifact", NUMBER, nullable=False),
        sa.Column("line", NUMBER, nullable=False),
        sa.Column("offset", NUMBER, nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_observations")),
        sa.UniqueConstraint("id", name=op.f("uq_observations_id")),
    )
    op.create_table(
        "replies",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_replies")),
    )
    op.create_index(op.f("ix_replies_at"), "replies", ["at"], unique=False)
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("through", NUMBER, nullable=False),
        sa.Column("observations", NUMBER, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_runs")),
    )
    op.create_table(
        "transfers",
        sa.Column("account", NAME, nullable=False),
        sa.Column("from_device", NAME, nullable=False),
        sa.Column("to_device", NAME, nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "from_device", "to_device", "last_seen", "since", name=op.f("pk_transfers")),
    )
    op.create_table(
        "problems",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artifact", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.sha256"], name=op.f("fk_problems_artifact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index(op.f("ix_problems_artifact"), "problems", ["artifact"], unique=False)


def downgrade() -> None:
    """Refuses where lines of contract 1 are kept as they came: the older schema has no place for them."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM observations WHERE form <> 0 LIMIT 1")).first():
        raise ValueError("observations were taken in by the daemon, which the older schema cannot hold")
    for table in ("replies", "events", "farm_devices", "farms", "transfers", "conflicts", "links",
                  "device_observations", "devices", "runs"):  # fmt: skip
        op.drop_table(table)
    _aside((*KEPT, "state"))
    _old_tables()
    op.execute("INSERT INTO state SELECT key, value FROM old_state WHERE key LIKE 'custody%'")
    op.execute(
        "INSERT INTO artifacts SELECT sha256, name, size, taken_at, added_at, exhibit, parser, done FROM old_artifacts"
    )
    op.execute("INSERT INTO problems (id, artifact, body) SELECT id, artifact, body FROM old_problems")
    op.execute(
        "INSERT INTO observations SELECT o.id, o.time, '', coalesce(a.sha256, ''), o.body "
        "FROM old_observations o LEFT JOIN old_artifacts a ON a.number = o.artifact"
    )
    op.execute(
        "INSERT INTO observation_accounts SELECT o.id, x.account "
        "FROM old_observation_accounts x JOIN old_observations o ON o.number = x.observation"
    )
    _done()
    op.drop_table("old_state")


def _old_tables() -> None:
    """As the revisions before made them."""
    import importlib

    for revision in ("0001_the_first_schema", "0002_farms_and_transfers"):
        importlib.import_module(f"rackprint.daemon.store.migrations.versions.{revision}").upgrade()
