"""The schema of a case's database. Times are microseconds since 1970 (UTC); lists and signals are JSON text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Float, ForeignKey, Index, LargeBinary, MetaData, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(TypeDecorator[datetime]):
    """A time with its zone as an exact, sortable integer."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ArtifactRow(Base):
    __tablename__ = "artifacts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    taken_at: Mapped[datetime] = mapped_column(Moment)
    added_at: Mapped[datetime] = mapped_column(Moment)
    exhibit: Mapped[str] = mapped_column(Text)
    parser: Mapped[str] = mapped_column(Text)
    done: Mapped[bool]


class ProblemRow(Base):
    __tablename__ = "problems"

    id: Mapped[int] = mapped_column(primary_key=True)
    artifact: Mapped[str] = mapped_column(ForeignKey("artifacts.sha256"), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class ObservationRow(Base):
    """``body`` is the whole observation as JSON, from which it comes back; the other columns are for finding it."""

    __tablename__ = "observations"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    time: Mapped[datetime] = mapped_column(Moment, index=True)
    source: Mapped[str] = mapped_column(Text)
    artifact: Mapped[str] = mapped_column(String(64), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class ObservationAccountRow(Base):
    __tablename__ = "observation_accounts"
    __table_args__ = (Index("ix_observation_accounts_account", "account"),)

    observation: Mapped[str] = mapped_column(ForeignKey("observations.id"), primary_key=True)
    account: Mapped[str] = mapped_column(Text, primary_key=True)


class DeviceRow(Base):
    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    anchor_signal: Mapped[str] = mapped_column(Text)
    anchor_key: Mapped[str] = mapped_column(Text)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_seen: Mapped[datetime] = mapped_column(Moment)
    flags: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)


class DeviceObservationRow(Base):
    __tablename__ = "device_observations"

    observation: Mapped[str] = mapped_column(ForeignKey("observations.id"), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), index=True)


class LinkRow(Base):
    __tablename__ = "links"

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True, index=True)
    probability: Mapped[float] = mapped_column(Float)
    weight: Mapped[float] = mapped_column(Float)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_seen: Mapped[datetime] = mapped_column(Moment)
    observations: Mapped[str] = mapped_column(Text)
    reasons: Mapped[str] = mapped_column(Text)


class TieRow(Base):
    __tablename__ = "ties"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    a: Mapped[str] = mapped_column(ForeignKey("observations.id"))
    b: Mapped[str] = mapped_column(ForeignKey("observations.id"))
    signal: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    bits: Mapped[float] = mapped_column(Float)
    observations: Mapped[int]
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), index=True)


class ConflictRow(Base):
    __tablename__ = "conflicts"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    signal: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    devices: Mapped[str] = mapped_column(Text)
    observations: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)


class TransferRow(Base):
    __tablename__ = "transfers"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(Text, index=True)
    from_device: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    to_device: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    last_seen: Mapped[datetime] = mapped_column(Moment)
    first_seen: Mapped[datetime] = mapped_column(Moment)


class FarmRow(Base):
    """``body`` holds the farm as JSON; its devices stand in ``farm_devices`` too, to be found by."""

    __tablename__ = "farms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(Text)
    probability: Mapped[float] = mapped_column(Float)
    body: Mapped[str] = mapped_column(Text)


class FarmDeviceRow(Base):
    __tablename__ = "farm_devices"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    farm: Mapped[str] = mapped_column(ForeignKey("farms.id"), index=True)


class StateRow(Base):
    """Single facts of the case: ``custody_head``, ``custody_count``, ``linked_observations``."""

    __tablename__ = "state"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
