"""Leases with fencing tokens on rows of the intake register: who works on a scan, and that only one does.

Orchestration reference, section 7: every later write of a run asks `fence` in its own transaction; a lost lease means
stop, write nothing, delete nothing. A lease is over when its time is, or at once when its owner was a process of this
machine that is gone.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from records.database import Database
from records.errors import LeaseLostError, UnavailableError
from records.ids import Clock, ScanId, instant
from records.tables import scans

_logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 5  # takes without progress; then `custody check` shows the row to a person, and take_next leaves it
JOIN_SECONDS = 15.0  # a renewal under way is waited for so long: longer than a connection is waited for


class LeaseBook:
    """The leases that one process holds; renewed by a thread of its own at a third of their time."""

    def __init__(
        self, database: Database, clock: Clock, owner: str, alive: Callable[[str], bool], seconds: float
    ) -> None:
        """Args: owner names this process; alive tells whether an owner of this machine still runs."""
        self._database = database
        self._clock = clock
        self._owner = owner
        self._alive = alive
        self._seconds = seconds
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, scan: ScanId) -> bool:
        """Take the lease of a scan that has something left to do; False where another living worker holds it.

        It asks neither how often the scan was begun nor whether it is due: this is the way back for a stuck one.
        """
        with self._database.write() as connection:
            now = self._now(connection)
            row = connection.execute(select(scans).where(scans.c.id == scan).with_for_update()).one_or_none()
            if row is None or not row.todo or not self._free(row.lease_owner, row.lease_until, now):
                return False
            self._write(connection, scan, row.lease_token + 1, row.attempt + 1, now)
        self._hold(scan, row.lease_token + 1)
        return True

    def take_next(self, before: datetime | None = None) -> ScanId | None:
        """Take the lease of the oldest scan that is due (offered before an instant, if given); None where nothing is.

        Workers that ask at once get different scans. Those whose owner died come when no free one is left. A scan
        that was begun MOST_ATTEMPTS times without progress is left: a person must look at it.
        """
        with self._database.write() as connection:
            now = self._now(connection)
            due = (
                scans.c.todo.is_(True)
                & (scans.c.attempt < MOST_ATTEMPTS)
                & (scans.c.not_before.is_(None) | (scans.c.not_before <= instant(now)))
            )
            if before is not None:
                due &= scans.c.offered <= instant(before)
            ended = scans.c.lease_owner.is_(None) | scans.c.lease_until.is_(None) | (scans.c.lease_until < instant(now))
            row = self._first(connection, due & ended)
            if row is None:
                owners = connection.execute(select(scans.c.lease_owner).where(due, ~ended).distinct()).scalars()
                dead = [owner for owner in owners if not self._alive(owner)]
                row = self._first(connection, due & scans.c.lease_owner.in_(dead)) if dead else None
            if row is None:
                return None
            self._write(connection, row.id, row.lease_token + 1, row.attempt + 1, now)
        self._hold(row.id, row.lease_token + 1)
        return ScanId(row.id)

    def progress(self, connection: Connection, scan: str) -> None:
        """Count attempts anew, in the caller's fenced transaction: something durable was done since the last take."""
        connection.execute(update(scans).where(scans.c.id == scan).values(attempt=0))

    def holds(self, scan: str) -> bool:
        """Tell whether this process took the lease of a scan and has not given it back."""
        return scan in self._held

    def fence(self, connection: Connection, scan: str) -> None:
        """Make sure, in the caller's transaction, that this process still holds the lease.

        Raises:
            LeaseLostError: another worker holds it, or nobody does.
        """
        token = self._held.get(scan)
        row = connection.execute(select(scans.c.lease_token).where(scans.c.id == scan).with_for_update()).one_or_none()
        if token is None or row is None or row.lease_token != token:
            raise LeaseLostError(scan)

    def release(self, scan: ScanId) -> None:
        """Give the lease back, whatever became of the work; no-op where it was lost."""
        token = self._held.pop(scan, None)
        if token is None:
            return
        with self._database.write() as connection:
            connection.execute(
                update(scans)
                .where(scans.c.id == scan, scans.c.lease_token == token)
                .values(lease_owner=None, lease_until=None)
            )

    def close(self) -> None:
        """Stop renewing, and wait until a renewal under way is over: it uses the database that is closed next."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)

    def living(self, owner: str | None, until: str | None, now: datetime) -> bool:
        """Tell whether a lease as written in a row still lives."""
        return not self._free(owner, until, now)

    def _first(self, connection: Connection, which: ColumnElement[bool]) -> Row[Any] | None:
        # LIMIT 1: rows locked but not taken would be hidden from everybody who asks at the same time
        query = select(scans).where(which)
        query = query.order_by(scans.c.offered, scans.c.id).limit(1).with_for_update(skip_locked=True)
        return connection.execute(query).first()

    def _free(self, owner: str | None, until: str | None, now: datetime) -> bool:
        return owner is None or until is None or until < instant(now) or not self._alive(owner)

    def _write(self, connection: Connection, scan: str, token: int, attempt: int, now: datetime) -> None:
        connection.execute(
            update(scans)
            .where(scans.c.id == scan)
            .values(lease_owner=self._owner, lease_token=token, attempt=attempt, lease_until=self._until(now))
        )

    def _until(self, now: datetime) -> str:
        return instant(now + timedelta(seconds=self._seconds))

    def _now(self, connection: Connection) -> datetime:
        # on many machines one clock decides: the database's
        if connection.dialect.name == "postgresql":
            moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return moment
        return self._clock.now()

    def _hold(self, scan: str, token: int) -> None:
        with self._lock:
            self._held[scan] = token
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew_for_ever, name="leases", daemon=True)
                self._thread.start()

    def _renew_for_ever(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            try:
                self.renew()
            except UnavailableError as error:  # the lease still lives for two thirds of its time
                _logger.warning("leases were not renewed: %s", error)

    def renew(self) -> None:
        """Renew every lease held, once."""
        held = dict(self._held)
        if not held:
            return
        with self._database.write() as connection:
            until = self._until(self._now(connection))
            for scan, token in held.items():
                connection.execute(
                    update(scans).where(scans.c.id == scan, scans.c.lease_token == token).values(lease_until=until)
                )
