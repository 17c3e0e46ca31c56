"""Flows run in the process of `muniment up`: one scan after another in each worker's thread, by a server of our own.

A Prefect state is a hint, never a reason to run something again: the register decides (orchestration, section 7).
"""

import asyncio
import logging
from collections.abc import Callable

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.events.worker import EventsWorker
from prefect.exceptions import PrefectException
from prefect.logging.handlers import APILogWorker
from prefect.states import Crashed

from flows import _services
from flows.ingest import ingest_scan
from infra.services import Services
from records.errors import MunimentError, UnavailableError
from records.ids import ScanId
from tasks import services as contract

_logger = logging.getLogger(__name__)
UNDER_WAY = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
FLUSH_SECONDS = 1.5


def one_scan(services: Services, doubt: Callable[[], bool]) -> Callable[[ScanId, contract.Services], bool]:
    """Return what runs the flow of one leased scan; False where the server failed, not the scan.

    `doubt` is called when a run ends by something foreign; True where the server does not answer.
    """
    _services.give(services)

    def run(scan: ScanId, _services_of_crew: contract.Services) -> bool:
        try:
            asyncio.run(ingest_scan(scan))
        except MunimentError as error:
            _logger.warning("the flow of scan %s ended by %s", scan, type(error).__name__)
            # a bare MunimentError stands for something foreign (flows/_tasks.py): perhaps the server
            return not doubt() if type(error) is MunimentError else True
        except (httpx.HTTPError, PrefectException):
            doubt()
            _logger.warning("the flow of scan %s lost its server", scan)
            return False
        except Exception as error:  # noqa: BLE001 - one document's boundary, as in tasks/pipeline.py
            _logger.error("the flow of scan %s stopped by %s", scan, type(error).__name__)  # noqa: TRY400
            return not doubt()
        finally:
            services.leases.release(scan)
        return True

    return run


def settle_left_over_runs() -> int:
    """Set to Crashed the runs that an earlier `up` left behind; return how many. Ours is the only one on this server.

    Raises:
        UnavailableError: the server does not answer.
    """
    try:
        return _settle_left_over_runs()
    except (httpx.HTTPError, PrefectException) as error:
        raise UnavailableError("the Prefect server did not answer") from error


def _settle_left_over_runs() -> int:
    under_way = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY))))
    count = 0
    with get_client(sync_client=True) as client:
        while runs := client.read_flow_runs(flow_run_filter=under_way, limit=200):
            for run in runs:
                client.set_flow_run_state(run.id, Crashed(message="its process is gone"), force=True)
            count += len(runs)
    return count


def flush() -> None:
    """Send what Prefect's client still holds, for a few seconds at most, while the server is there to take it."""
    EventsWorker.drain_all(timeout=FLUSH_SECONDS)
    APILogWorker.drain_all(timeout=FLUSH_SECONDS)
