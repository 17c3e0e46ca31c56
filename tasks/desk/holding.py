"""Whether a paper is held back: by a hold on itself, on a box around it, or on its client, as the ledger says.

Holds stack: while one is open that forbids the act, releasing another changes nothing (reference of the records desk,
invariant 17). An event that sets a hold may say in `obj.blocks` what it forbids; one that does not forbids everything.
"""

from custody import ledger
from custody.ledger_past import LedgerPast
from custody.movements import Paper
from custody.whereabouts import boxes_around
from tasks.desk.acts import Desk


def held_from(desk: Desk, paper: Paper, act: str) -> bool:
    """Tell whether a hold that is not released forbids `act` (LOAN, DISPOSAL) with this paper."""
    connection = desk.connection
    past = LedgerPast(connection, ledger.size(connection))
    subjects = [paper.id, paper.client, *(box.id for box in boxes_around(connection, paper.box))]
    for mark in (mark for subject in subjects for mark in past.marks(subject, "hold")):
        entry = ledger.find(connection, mark.event)
        blocks = None if entry is None else (entry.event["obj"] or {}).get("blocks")
        if blocks is None or act in blocks:
            return True
    return False
