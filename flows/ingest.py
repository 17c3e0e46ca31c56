"""Take scanned files into custody under Prefect: one scan, or what is left of a batch. Parameters are ids."""

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from sqlalchemy import select

from flows._services import services_of_run
from flows._tasks import STEPS, discreet
from records.catalogue import batch_counts, batch_pages
from records.ids import ScanId
from records.tables import scans
from tasks import pipeline
from tasks.ingest import bring_up_to_date


@flow(name="ingest-scan", flow_run_name="{scan_id}")
async def ingest_scan(scan_id: str) -> str:
    """Run the pipeline for one scan; return its outcome. One that another worker holds is left to it, quietly."""
    scan = ScanId(scan_id)
    with discreet(), services_of_run() as services:
        if services.leases.holds(scan):  # taken by this process, which also feeds the index
            return pipeline.ingest_leased(scan, services, STEPS).outcome
        outcome = pipeline.ingest_scan(scan, services, STEPS).outcome
        bring_up_to_date(services, STEPS)
        return outcome


@flow(name="ingest-batch", flow_run_name="{batch_id}")
async def ingest_batch(batch_id: str) -> dict[str, int]:
    """Go on with every scan of a batch that has something left to do; return the batch's counts."""
    with discreet(), services_of_run() as services:
        with services.database.read() as connection:
            due = list(
                connection.execute(
                    select(scans.c.id).where(scans.c.batch == batch_id, scans.c.todo.is_(True)).order_by(scans.c.id)
                ).scalars()
            )
        for scan in due:
            pipeline.ingest_isolated(ScanId(scan), services, STEPS)
        bring_up_to_date(services, STEPS)
        with services.database.read() as connection:
            found = batch_counts(connection, batch_id)
            pages = batch_pages(connection, batch_id)
    counts = {
        "offered": found.offered, "accessioned": found.accessioned, "refused": found.refused,
        "duplicate": found.duplicate, "waiting": found.waiting, "pages": pages,
    }  # fmt: skip
    await acreate_table_artifact([counts], key=batch_id.replace("_", "-"), description="Counts of the batch")
    return counts
