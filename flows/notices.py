"""Send the notices of the records desk that are due, under Prefect."""

from prefect import flow

from flows._services import services_of_run
from flows._tasks import as_task, discreet
from tasks import notices

RUN = as_task(notices.run, "notices")


@flow(name="loans-due")
async def loans_due() -> dict[str, int]:
    """Send what is due; return how many rows were planned, sent, refused and put off."""
    with discreet(), services_of_run() as services:
        return RUN(services, services.mailer)
