"""The order of the steps, written once and run plainly or under Prefect: the table of contents of Muniment."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import update

from custody.ledger import Draft, append
from records.catalogue import scan_row
from records.errors import CustodyError, LeaseLostError, UnavailableError
from records.ids import RecordId, ScanId
from records.leases import MOST_ATTEMPTS
from records.machine import machine_fault
from records.tables import scans
from tasks import accession, indexing, intake, record_describing, record_reading
from tasks.accession import AccessionReceipt
from tasks.indexing import DrainReceipt
from tasks.record_describing import DescribeReceipt
from tasks.record_reading import ReadReceipt
from tasks.services import SYSTEM, Services

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a pipeline: ids in, receipts out. Flows replace each by its Prefect task."""

    accession: Callable[[ScanId, Services], AccessionReceipt] = accession.take
    read: Callable[[RecordId, Services], ReadReceipt] = record_reading.read_record
    describe: Callable[[RecordId, Services], DescribeReceipt] = record_describing.describe_record
    index: Callable[[Services], DrainReceipt] = indexing.drain


PLAIN = Steps()


def ingest_scan(scan: ScanId, services: Services, steps: Steps = PLAIN) -> AccessionReceipt:
    """Take one scan into custody, read and describe what it holds; the index follows from the outbox.

    Harmless to repeat at any point. A scan that another living worker holds, or that has nothing left to do, is left.
    """
    if not services.leases.take(scan):
        with services.database.read() as connection:
            row = scan_row(connection, scan)
        return AccessionReceipt(scan, "waiting" if row.state == "received" else row.state, reason=row.reason)
    return ingest_leased(scan, services, steps)


def ingest_leased(scan: ScanId, services: Services, steps: Steps = PLAIN) -> AccessionReceipt:
    """Do `ingest_scan` for a scan whose lease this process has just taken; the lease is given back."""
    try:
        receipt = steps.accession(scan, services)
        for record in receipt.records:
            steps.read(record, services)
            steps.describe(record, services)
        if receipt.outcome == "accessioned":
            intake.done(scan, services)
    except UnavailableError as error:
        return _waits(scan, services, error)
    except OSError as error:
        fault = machine_fault(error)
        if fault is None:
            raise
        return _waits(scan, services, fault)
    except LeaseLostError:
        _logger.info("scan %s is with another worker now", scan)
        return AccessionReceipt(scan, "waiting")
    except CustodyError as error:
        _raise_alarm(scan, services, error)
        raise
    finally:
        services.leases.release(scan)
    return receipt


def _waits(scan: ScanId, services: Services, error: UnavailableError) -> AccessionReceipt:
    code = accession.waiting_code(error)
    intake.wait(scan, services, code)
    return AccessionReceipt(scan, "waiting", reason=code)


def ingest_isolated(scan: ScanId, services: Services, steps: Steps = PLAIN, leased: bool = False) -> AccessionReceipt:
    """Do `ingest_scan` so that whatever goes wrong stops this document alone: the boundary of one document.

    A fault that is not in the error tree leaves the row to be tried again; after MOST_ATTEMPTS takes without progress
    it is left to a person.
    """
    try:
        return (ingest_leased if leased else ingest_scan)(scan, services, steps)
    except CustodyError:
        return AccessionReceipt(scan, "waiting")  # the alarm is raised and in the ledger
    except Exception as error:  # noqa: BLE001  the boundary of one document
        # not .exception(): the text of a foreign error may quote the document
        _logger.error("scan %s stopped by %s", scan, type(error).__name__)  # noqa: TRY400
        return AccessionReceipt(scan, "waiting")


def _raise_alarm(scan: ScanId, services: Services, error: CustodyError) -> None:
    """Stop this document and say so in the ledger; it is not tried again without a person."""
    _logger.error("stopped scan %s: %s", scan, type(error).__name__)
    with services.database.write() as connection:
        row = scan_row(connection, scan)
        draft = Draft(
            services.ids.new("evt"), "incident", scan, SYSTEM, client=row.client,
            reason=type(error).__name__.removesuffix("Error"),
        )  # fmt: skip
        append(connection, draft, services.clock.now())
        connection.execute(update(scans).where(scans.c.id == scan).values(attempt=MOST_ATTEMPTS))
