"""The schema of a case's database. Times are microseconds since 1970 (UTC); lists and signals are JSON text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER keys only
Name = Text().with_variant(Text(collation="C"), "postgresql")  # sorted by bytes everywhere
FOREVER = 2**31 - 1  # the ``until`` of what still holds


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
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ArtifactRow(Base):
    """``pack`` and ``offset`` say where the bytes lie when they share a file of the vault with others."""

    __tablename__ = "artifacts"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(Name)
    size: Mapped[int] = mapped_column(BigInteger)
    taken_at: Mapped[datetime] = mapped_column(Moment)
    added_at: Mapped[datetime] = mapped_column(Moment)
    exhibit: Mapped[str] = mapped_column(Text)
    parser: Mapped[str] = mapped_column(Text)
    done: Mapped[bool]
    pack: Mapped[str] = mapped_column(Text)
    offset: Mapped[int] = mapped_column(BigInteger)


class ProblemRow(Base):
    __tablename__ = "problems"

    id: Mapped[int] = mapped_column(primary_key=True)
    artifact: Mapped[str] = mapped_column(ForeignKey("artifacts.sha256"), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class ObservationRow(Base):
    """``number`` is the order of arrival. ``body`` is what the observation comes back from: in form 0 all of it as
    JSON, in form 1 the line of contract 1 that was sent; the other columns are for finding it."""

    __tablename__ = "observations"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Name, unique=True)
    time: Mapped[datetime] = mapped_column(Moment)
    artifact: Mapped[int] = mapped_column(Number)
    line: Mapped[int] = mapped_column(Number)
    offset: Mapped[int] = mapped_column(Number)
    form: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class ObservationAccountRow(Base):
    __tablename__ = "observation_accounts"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    account: Mapped[str] = mapped_column(Name, primary_key=True)
    observation: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)


class Span:
    """A row of the linkage that holds from run ``since`` up to, and without, run ``until``."""

    since: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=90)
    until: Mapped[int] = mapped_column(Integer, sort_order=91)


class RunRow(Base):
    """A run of the linker over the first ``observations`` of the case, up to the number ``through``."""

    __tablename__ = "runs"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    through: Mapped[int] = mapped_column(Number)
    observations: Mapped[int] = mapped_column(Number)
    seconds: Mapped[float] = mapped_column(Float)


class DeviceRow(Span, Base):
    """``evidence`` holds the values that tie the device's observations, as JSON: [signal, key, bits, numbers]."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(Name, primary_key=True)
    digest: Mapped[str] = mapped_column(String(32))
    anchor_signal: Mapped[str] = mapped_column(Text)
    anchor_key: Mapped[str] = mapped_column(Text)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_seen: Mapped[datetime] = mapped_column(Moment)
    observations: Mapped[int]
    accounts: Mapped[int]
    flags: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    evidence: Mapped[bytes] = mapped_column(LargeBinary)


class DeviceObservationRow(Span, Base):
    __tablename__ = "device_observations"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    observation: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    device: Mapped[str] = mapped_column(Name, index=True)


class LinkRow(Span, Base):
    __tablename__ = "links"

    account: Mapped[str] = mapped_column(Name, primary_key=True)
    device: Mapped[str] = mapped_column(Name, primary_key=True, index=True)
    probability: Mapped[float] = mapped_column(Float)
    weight: Mapped[float] = mapped_column(Float)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_seen: Mapped[datetime] = mapped_column(Moment)
    observations: Mapped[int]
    reasons: Mapped[str] = mapped_column(Text)


class ConflictRow(Span, Base):
    __tablename__ = "conflicts"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class TransferRow(Span, Base):
    __tablename__ = "transfers"

    account: Mapped[str] = mapped_column(Name, primary_key=True)
    from_device: Mapped[str] = mapped_column(Name, primary_key=True)
    to_device: Mapped[str] = mapped_column(Name, primary_key=True)
    last_seen: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    first_seen: Mapped[datetime] = mapped_column(Moment)


class FarmRow(Span, Base):
    """``body`` holds the farm as JSON; its devices stand in ``farm_devices`` too, to be found by. ``number`` is its
    place in the list, the largest first."""

    __tablename__ = "farms"

    id: Mapped[str] = mapped_column(Name, primary_key=True)
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(Text)
    probability: Mapped[float] = mapped_column(Float)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class FarmDeviceRow(Span, Base):
    __tablename__ = "farm_devices"

    device: Mapped[str] = mapped_column(Name, primary_key=True)
    farm: Mapped[str] = mapped_column(Name, primary_key=True, index=True)


class EventRow(Base):
    """What a run changed, for those who follow: new links, merges, splits, flags, farms."""

    __tablename__ = "events"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    run: Mapped[int] = mapped_column(Integer, index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(Name, index=True)
    account: Mapped[str] = mapped_column(Name, index=True)
    body: Mapped[str] = mapped_column(Text)


class ReplyRow(Base):
    """What was answered to a request that named an ``Idempotency-Key``."""

    __tablename__ = "replies"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class StateRow(Base):
    """Single facts of the case: ``custody_head``, ``custody_count``, ``run`` (of the linkage that holds now)."""

    __tablename__ = "state"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
