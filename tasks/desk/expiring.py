"""Requests that run out: nobody fetched the paper by the day until which it was kept ready.

This is done by the system, as often as notices are. The request ends, and its requester is told. The paper itself has
not moved, so nothing is said of it but that it is now kept for the next, where that is at the same desk; else it is on
the put-back list, and the next scan of it says where it goes. Reference of the records desk, section 3 (EXPIRED).
"""

import logging
from datetime import date
from functools import partial

from sqlalchemy import Connection, Row, select

from custody.decisions import Act, Outcome
from custody.desk_tables import locations
from custody.loan_tables import requests
from custody.movements import reload
from records.due_dates import local_date, zone_of
from records.errors import DeskError
from tasks.desk import onward, queue
from tasks.desk.acts import Desk, by_system
from tasks.services import Services

_logger = logging.getLogger(__name__)


def expire(services: Services) -> int:
    """End every request whose paper was kept ready in vain; return how many. Of two runs at once one ends each."""
    with services.database.read() as connection:
        late = [row.id for row in _kept_in_vain(connection, services)]
    return sum(_try(services, request) for request in late)


def _try(services: Services, request: str) -> bool:
    """End one request; where the desk cannot say until when the next is served, it waits and holds up no other."""
    try:
        return by_system(services, partial(_end, request=request))
    except DeskError as error:
        _logger.warning("request %s did not run out: %s", request, type(error).__name__)
        return False


def _kept_in_vain(connection: Connection, services: Services) -> list[Row[tuple[object, ...]]]:
    query = select(requests).where(requests.c.state == "ready", requests.c.reserved_until.is_not(None))
    return [row for row in connection.execute(query) if _is_over(connection, row, services)]


def _is_over(connection: Connection, row: Row[tuple[object, ...]], services: Services) -> bool:
    """Tell whether the last local day is over at the site where the paper is fetched."""
    place = connection.execute(select(locations).where(locations.c.id == row.pickup)).one()
    site = connection.execute(select(locations).where(locations.c.id == place.site)).one()
    today = local_date(services.clock.now(), zone_of(site.time_zone))
    return today > date.fromisoformat(row.reserved_until)


def _end(desk: Desk, request: str) -> bool:
    """End one request, if it still is as it was read: its paper may have been fetched meanwhile."""
    row = desk.connection.execute(select(requests).where(requests.c.id == request)).one()
    if row.state != "ready" or not _is_over(desk.connection, row, desk.services):
        return False
    paper = reload(desk.connection, row.file or row.box)
    place = desk.connection.execute(select(locations).where(locations.c.id == row.pickup)).one()
    outcome = queue.decided(desk, Act.CANCEL_REQUEST, paper, place.site, request=row.id).outcome
    queue.close(desk, row, "expired", "expired", reserved_until=None)
    if outcome is Outcome.CANCEL_NEXT_READY and paper.state == "at_desk":
        onward.keep_ready(desk, paper)
    return True
