"""Compare every sealed original with its recorded digest, under Prefect."""

from prefect import flow
from prefect.artifacts import acreate_table_artifact

from flows._services import services_of_run
from flows._tasks import as_task, discreet
from records.errors import CustodyError, UnavailableError
from tasks import fixity as fixity_step

CHECK = as_task(fixity_step.run, "check")


@flow(name="fixity")
async def fixity() -> str:
    """Check fixity; return the verdict.

    Raises:
        CustodyError: it does not hold; `muniment fixity run` names what and where.
        UnavailableError: it could not be checked.
    """
    with discreet(), services_of_run() as services:
        report = CHECK(services)
        counts = {"verdict": report.verdict, **report.checked, "problems": len(report.problems)}
        await acreate_table_artifact([counts], key="fixity", description="What was checked")
        if report.verdict == "does not hold":
            raise CustodyError("fixity does not hold")
        if report.verdict != "holds":
            raise UnavailableError("fixity could not be checked")
        return report.verdict
