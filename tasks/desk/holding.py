"""Whether a paper is held back: a hold on a file, or on a box around it, keeps it in the house, as the ledger says.

Holds stack: while one is open, releasing another changes nothing (reference of the records desk, invariant 17). A hold
on a record, batch or client forbids disposal and no loan.
"""

from custody import ledger
from custody.ledger_past import LedgerPast
from custody.movements import Paper
from custody.whereabouts import boxes_around
from tasks.desk.acts import Desk


def held_back(desk: Desk, paper: Paper) -> bool:
    """Tell whether a hold that is not released keeps this paper in the house."""
    past = LedgerPast(desk.connection, ledger.size(desk.connection))
    subjects = [paper.id, *(box.id for box in boxes_around(desk.connection, paper.box))]
    return any(past.marks(subject, "hold") for subject in subjects)
