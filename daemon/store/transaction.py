"""One transaction of the store: what belongs together is committed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from rackprint.daemon.entries import Entry
from rackprint.daemon.store import writing
from rackprint.daemon.store.models import ArtifactRow, ProblemRow, ReplyRow
from rackprint.daemon.store.records import Added, Artifact
from rackprint.fingerprint.model import Problem


class Transaction:
    """Writes on one connection; :meth:`Store.transaction` commits them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._next = 0  # number of an observation, once it is known
        self._fresh: set[str] = set()  # artifacts that have no problems yet

    def artifact(self, artifact: Artifact) -> int:
        """Records an artifact; one that is recorded already stays as it is. Its number."""
        return self.artifacts([artifact])[artifact.sha256]

    def artifacts(self, found: Sequence[Artifact]) -> dict[str, int]:
        """The same for many: their numbers, by hash."""
        numbers, fresh = writing.add_artifacts(self._connection, found)
        self._fresh |= fresh
        return numbers

    def finish(self, parsers: Mapping[str, str]) -> None:
        """Marks artifacts as read to their end: by hash, by which parser."""
        if parsers:
            done = update(ArtifactRow).where(ArtifactRow.sha256 == bindparam("of")).values(done=True)
            rows = [{"of": sha256, "parser": parser} for sha256, parser in parsers.items()]
            self._connection.execute(done, rows)

    def add(self, found: Sequence[Entry], artifact: int = 0) -> Added:
        """Adds the entries with a new id, as those of the artifact with this number."""
        if not found:
            return Added(0, 0, ())
        self._next = self._next or writing.next_number(self._connection)
        start, self._next = self._next, self._next + len(found)
        return writing.add_entries(self._connection, found, artifact, start)

    def problems(self, found: Sequence[Problem], artifact: str) -> None:
        """Adds problems of an artifact."""
        rows = [{"artifact": artifact, "body": writing.problem_body(problem)} for problem in found]
        if rows:
            self._connection.execute(insert(ProblemRow), rows)

    def clear_problems(self, artifact: str) -> None:
        """Forgets the problems that an earlier reading left."""
        if artifact in self._fresh:
            self._fresh.discard(artifact)
            return
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
