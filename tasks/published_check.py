"""Comparing the published ledger with the event table: every published file is what the rows give, byte for byte."""

from custody import ledger
from custody.findings import Step
from custody.growth import GrowingTree
from custody.tiles import Tile
from records.errors import LedgerError
from tasks.publishing import current
from tasks.services import Services


def compare(services: Services, step: Step) -> None:
    """Rebuild the published tree from the rows and name every file that differs; nothing is changed."""
    if not services.ledger_files.is_made():
        step.not_applicable("the ledger is not published yet")
        return
    with services.publisher(), services.database.read() as connection:  # nobody publishes meanwhile
        try:
            checkpoint = current(services)
        except LedgerError as error:
            step.problem("checkpoint", "checkpoint", "signed by the ledger's key", error)
            return
        if checkpoint is None:
            step.not_applicable("the ledger is not published yet")
            return
        size = ledger.size(connection)
        if size < checkpoint.size:
            step.problem("rolled-back", "ledger_head", checkpoint.size, size)
            return
        tree = GrowingTree(0, [])
        for entry in ledger.entries(connection, 0, checkpoint.size):
            for tile, data in tree.add(entry.leaf):
                _same(services, tile, data, step)
        for tile, data in tree.partials():
            _same(services, tile, data, step)
        if tree.root() != checkpoint.root:
            step.problem("root", "checkpoint", checkpoint.root.hex(), tree.root().hex(), checkpoint.size)
    if size > checkpoint.size:
        step.say(f"{size - checkpoint.size} events are not published yet")


def _same(services: Services, tile: Tile, data: bytes, step: Step) -> None:
    found = services.ledger_files.read(tile.path)
    if found != data:
        step.problem("published", tile.path, "what the events give", "missing" if found is None else "other bytes")
