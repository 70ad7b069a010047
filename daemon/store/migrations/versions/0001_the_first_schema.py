"""The first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("exhibit", sa.Text(), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "conflicts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("observations", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_conflicts")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("anchor_signal", sa.Text(), nullable=False),
        sa.Column("anchor_key", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_table(
        "observations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("artifact", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_observations_artifact"), ["artifact"], unique=False)
        batch_op.create_index(batch_op.f("ix_observations_time"), ["time"], unique=False)

    op.create_table(
        "state",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_state")),
    )
    op.create_table(
        "device_observations",
        sa.Column("observation", sa.Text(), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_device_observations_device")),
        sa.ForeignKeyConstraint(["observation"], ["observations.id"], name=op.f("fk_device_observations_observation")),
        sa.PrimaryKeyConstraint("observation", name=op.f("pk_device_observations")),
    )
    with op.batch_alter_table("device_observations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_observations_device"), ["device"], unique=False)

    op.create_table(
        "links",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("observations", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_links_device")),
        sa.PrimaryKeyConstraint("account", "device", name=op.f("pk_links")),
    )
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_links_device"), ["device"], unique=False)

    op.create_table(
        "observation_accounts",
        sa.Column("observation", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["observation"], ["observations.id"], name=op.f("fk_observation_accounts_observation")),
        sa.PrimaryKeyConstraint("observation", "account", name=op.f("pk_observation_accounts")),
    )
    with op.batch_alter_table("observation_accounts", schema=None) as batch_op:
        batch_op.create_index("ix_observation_accounts_account", ["account"], unique=False)

    op.create_table(
        "problems",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artifact", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.sha256"], name=op.f("fk_problems_artifact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    with op.batch_alter_table("problems", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_problems_artifact"), ["artifact"], unique=False)

    op.create_table(
        "ties",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("a", sa.Text(), nullable=False),
        sa.Column("b", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("bits", sa.Float(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["a"], ["observations.id"], name=op.f("fk_ties_a")),
        sa.ForeignKeyConstraint(["b"], ["observations.id"], name=op.f("fk_ties_b")),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_ties_device")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ties")),
    )
    with op.batch_alter_table("ties", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ties_device"), ["device"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("ties", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ties_device"))

    op.drop_table("ties")
    with op.batch_alter_table("problems", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_problems_artifact"))

    op.drop_table("problems")
    with op.batch_alter_table("observation_accounts", schema=None) as batch_op:
        batch_op.drop_index("ix_observation_accounts_account")

    op.drop_table("observation_accounts")
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_links_device"))

    op.drop_table("links")
    with op.batch_alter_table("device_observations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_observations_device"))

    op.drop_table("device_observations")
    op.drop_table("state")
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_observations_time"))
        batch_op.drop_index(batch_op.f("ix_observations_artifact"))

    op.drop_table("observations")
    op.drop_table("devices")
    op.drop_table("conflicts")
    op.drop_table("artifacts")
