"""Farms and transfers"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("from_device", sa.String(length=32), nullable=False),
        sa.Column("to_device", sa.String(length=32), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["from_device"], ["devices.id"], name=op.f("fk_transfers_from_device_devices")),
        sa.ForeignKeyConstraint(["to_device"], ["devices.id"], name=op.f("fk_transfers_to_device_devices")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_account"), "transfers", ["account"], unique=False)
    op.create_table(
        "farms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_farms")),
    )
    op.create_table(
        "farm_devices",
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("farm", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_farm_devices_device_devices")),
        sa.ForeignKeyConstraint(["farm"], ["farms.id"], name=op.f("fk_farm_devices_farm_farms")),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_farm_devices")),
    )
    op.create_index(op.f("ix_farm_devices_farm"), "farm_devices", ["farm"], unique=False)


def downgrade() -> None:
    op.drop_table("farm_devices")
    op.drop_table("farms")
    op.drop_table("transfers")
