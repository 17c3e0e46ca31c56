"""Clear words brought back from their sealed derivative when the working copy is gone (late outbox rows, rebuild)."""

from collections.abc import Sequence

from sqlalchemy import select

from custody.opening import open_derivative, processed
from custody.tables import derivatives
from records.catalogue import record_row
from tasks.record_reading import words_path
from tasks.services import SYSTEM, Services


def restore_words(services: Services, records: Sequence[str]) -> list[str]:
    """Make sure the clear words of these records lie in the words folder; return the ids that had to be opened.

    The system opens them under one `processed` event a client (the command line's contract, section 1).
    """
    missing = [record for record in records if not words_path(services, record).exists()]
    by_client: dict[str, list[str]] = {}
    with services.database.read() as connection:
        for record in missing:
            by_client.setdefault(record_row(connection, record).client, []).append(record)
    for client, ids in by_client.items():
        with services.database.write() as connection:
            found = connection.execute(
                select(derivatives.c.record, derivatives.c.original).where(
                    derivatives.c.record.in_(ids), derivatives.c.kind == "words"
                )
            ).all()
            batch = [row.original for row in found]
            entry = processed(services.vault, connection, SYSTEM, client, batch)
        for row in found:
            target = words_path(services, row.record)
            part = target.with_suffix(".restored")
            open_derivative(services.vault, row.record, "words", entry, SYSTEM, part, batch)
            part.replace(target)
    return missing
