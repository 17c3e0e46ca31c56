"""Make the search index anew from the catalogue and the sealed words, under Prefect."""

from prefect import flow
from prefect.artifacts import acreate_table_artifact

from flows._services import services_of_run
from flows._tasks import as_task, discreet
from tasks import indexing

REBUILD = as_task(indexing.rebuild, "rebuild")


@flow(name="reindex")
async def reindex() -> int:
    """Rebuild the index; return its number of pages."""
    with discreet(), services_of_run() as services:
        pages = REBUILD(services)
    await acreate_table_artifact([{"pages": pages}], key="reindex", description="Pages in the index")
    return pages
