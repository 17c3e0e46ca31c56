"""A decision that is not its maker's to make is denied, and the denial is an event of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from custody.ledger import Actor, Draft, append
from records.catalogue import record_row
from records.errors import AccessDeniedError
from tasks.services import Services


@contextmanager
def denials(services: Services, record: str, actor: Actor) -> Iterator[None]:
    """Record that what is done within was denied, in a transaction of its own: that of the decision is rolled back."""
    try:
        yield
    except AccessDeniedError:
        with services.database.write() as connection:
            client, denied = record_row(connection, record).client, replace(actor, role="none")
            draft = Draft(services.ids.new("evt"), "access_denied", record, denied, client=client, reason="review")
            append(connection, draft, services.clock.now())
        raise
