"""The crew of a process that serves for long: threads that take due scans by lease, and one that feeds the index.

Nothing is queued in memory: a worker asks the register for the next due row. What reached its outcome is told after
the index has been brought up to date, so that who hears of a record can find it.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from records.errors import MunimentError, UnavailableError
from records.ids import ScanId
from tasks import arrivals
from tasks.ingest import AHEAD, bring_up_to_date
from tasks.pipeline import ingest_isolated
from tasks.services import Services

_logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.5  # how often an idle worker asks for work, and the indexer for outcomes
DRAIN_SECONDS = 10.0  # how often the outbox is looked at though nothing was told
AFTER_SECONDS = 3.0  # for threads to end once their children are ended


def _plainly(scan: ScanId, services: Services) -> bool:
    ingest_isolated(scan, services, leased=True)
    return True


@dataclass(frozen=True, slots=True)
class Work:
    """How scans are worked on, and who hears of them."""

    report: Callable[[ScanId], None]  # called by one thread, once for each scan that reached its outcome
    one: Callable[[ScanId, Services], bool] = _plainly  # its lease is taken; False: not the scan's fault, try again
    may_begin: Callable[[], bool] = lambda: True


class Crew:
    """Worker threads and the indexer of one process."""

    def __init__(self, services: Services, work: Work, grace: float) -> None:
        """Args: grace, seconds that work under way is given to finish when the crew stops."""
        self._services = services
        self._work = work
        self._grace = grace
        self._stop = threading.Event()
        self._bell = threading.Condition()
        self._done: queue.SimpleQueue[ScanId] = queue.SimpleQueue()
        self._under_way: set[ScanId] = set()
        self._lost: list[str] = []
        count = AHEAD * services.children.workers
        self._workers = [threading.Thread(target=self._guard, args=(self._take,), daemon=True) for _ in range(count)]
        self._indexer = threading.Thread(target=self._guard, args=(self._feed,), daemon=True)

    @property
    def is_well(self) -> bool:
        """Tell whether every thread still does its work."""
        return not self._lost

    def start(self) -> None:
        """Start every thread."""
        for thread in (*self._workers, self._indexer):
            thread.start()

    def ring(self) -> None:
        """Call idle workers: there is something to do."""
        with self._bell:
            self._bell.notify_all()

    def settled(self, scans: Iterable[ScanId]) -> None:
        """Have these told too: they reached their outcome without a worker."""
        for scan in scans:
            self._done.put(scan)

    def stop(self) -> None:
        """Begin nothing more; let what is under way finish within its grace, then end its children and keep its row.

        Raises:
            MunimentError: a thread of the crew had ended by itself.
        """
        self._stop.set()
        self.ring()
        if not self._joined(self._workers, self._grace):
            self._services.children.close()
            self._joined(self._workers, AFTER_SECONDS)
            for scan in tuple(self._under_way):
                _logger.info("scan %s was stopped and is kept for the next start", scan)
        self._indexer.join(2 * AFTER_SECONDS)
        if self._lost:
            raise MunimentError(f"a worker ended by {self._lost[0]}")

    def _joined(self, threads: Iterable[threading.Thread], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _guard(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except BaseException as error:
            self._lost.append(type(error).__name__)
            raise

    def _take(self) -> None:
        while not self._stop.is_set():
            try:
                scan = self._next()
            except UnavailableError as error:
                _logger.warning("workers wait: %s", type(error).__name__)
                scan = None
            if scan is None:
                with self._bell:
                    self._bell.wait(LOOK_SECONDS)
                continue
            self._under_way.add(scan)
            fair = self._work.one(scan, self._services)
            self._conclude(scan, fair and not self._stop.is_set())
            self._under_way.discard(scan)

    def _next(self) -> ScanId | None:
        if not self._work.may_begin() or not arrivals.is_due(self._services):
            return None
        return self._services.leases.take_next()

    def _conclude(self, scan: ScanId, fair: bool) -> None:
        """Have an outcome told; an attempt that we ended ourselves is not counted against the scan."""
        try:
            if arrivals.is_settled(self._services, scan):
                self._done.put(scan)
            elif not fair:
                arrivals.give_back(self._services, scan)
        except UnavailableError as error:  # the row keeps its state; the next start finds it
            _logger.warning("scan %s is not told: %s", scan, type(error).__name__)

    def _feed(self) -> None:
        """Feed the index and tell of outcomes, together, until the workers have ended."""
        drained = -DRAIN_SECONDS
        while True:
            over = self._stop.is_set() and not any(worker.is_alive() for worker in self._workers)
            scans = self._outcomes()
            if scans or time.monotonic() - drained >= DRAIN_SECONDS:
                self._drain()
                drained = time.monotonic()
            for scan in scans:
                self._work.report(scan)
            if over and self._done.empty():
                return

    def _drain(self) -> None:
        try:
            bring_up_to_date(self._services)
        except MunimentError as error:
            _logger.error("the index is not brought up to date: %s", type(error).__name__)  # noqa: TRY400

    def _outcomes(self) -> list[ScanId]:
        scans = []
        try:
            scans.append(self._done.get(timeout=LOOK_SECONDS))
            while True:
                scans.append(self._done.get_nowait())
        except queue.Empty:
            return scans
