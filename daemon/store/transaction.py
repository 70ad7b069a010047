"""One transaction of the store: what belongs together is committed together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select, update

from rackprint.daemon.entries import Entry
from rackprint.daemon.store import writing
from rackprint.daemon.store.models import ArtifactRow, ProblemRow, ReplyRow
from rackprint.daemon.store.records import Added, Artifact
from rackprint.fingerprint.model import Problem


class Transaction:
    """Writes on one connection; :meth:`Store.transaction` commits them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def artifact(self, artifact: Artifact) -> int:
        """Records an artifact; one that is recorded already stays as it is. Its number."""
        return writing.add_artifact(self._connection, artifact)

    def finish(self, sha256: str, parser: str) -> None:
        """Marks an artifact as read to its end."""
        done = update(ArtifactRow).where(ArtifactRow.sha256 == sha256).values(parser=parser, done=True)
        self._connection.execute(done)

    def add(self, found: Sequence[Entry], artifact: int = 0) -> Added:
        """Adds the entries with a new id, as those of the artifact with this number."""
        return writing.add_entries(self._connection, found, artifact)

    def problems(self, found: Sequence[Problem], artifact: str) -> None:
        """Adds problems of an artifact."""
        rows = [{"artifact": artifact, "body": writing.problem_body(problem)} for problem in found]
        if rows:
            self._connection.execute(insert(ProblemRow), rows)

    def clear_problems(self, artifact: str) -> None:
        """Forgets the problems that an earlier reading left."""
        self._connection.execute(delete(ProblemRow).where(ProblemRow.artifact == artifact))

    def custody_head(self, head: str, count: int, through: int | None = None) -> None:
        """Records the custody log's end, unless a later one is recorded; and ``through``, up to which entry all that
        it names was read."""
        if count >= int(writing.state(self._connection, "custody_count") or 0):
            writing.set_state(self._connection, {"custody_head": head, "custody_count": str(count)})
        if through is not None:
            writing.set_state(self._connection, {writing.THROUGH: str(through)})

    def reply(self, key: str) -> bytes | None:
        """What was answered to the request of this key."""
        return self._connection.execute(select(ReplyRow.body).where(ReplyRow.key == key)).scalar()

    def set_reply(self, key: str, body: bytes) -> None:
        """Keeps what is answered to the request of this key."""
        self._connection.execute(delete(ReplyRow).where(ReplyRow.key == key))
        self._connection.execute(insert(ReplyRow), [{"key": key, "at": datetime.now(UTC), "body": body}])
