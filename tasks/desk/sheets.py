"""A list that is gone through at the scanner: all that stands on a shelf, or all that came with a transfer.

An inventory tells of each scan at once what it is, and is recorded as a whole when it ends; a line of a transfer is
recorded with its scan. A list holds no borrower's card, so it does not end by itself when nothing is scanned for long.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from records.barcodes import Kind
from records.desk_answers import Said
from records.desk_commands import Command
from tasks.desk import inventory, transfers
from tasks.desk.acts import Answer, Asked
from tasks.desk.things import Thing
from tasks.services import Services

Do = Callable[[Callable[[Asked], Answer]], Answer]

# what begins a list
STARTS: dict[Command, tuple[Kind, ...]] = {
    Command.INVENTORY: (Kind.PLACE, Kind.BOX),
    Command.TRANSFER: (Kind.TRANSFER,),
}


@dataclass(slots=True)
class Sheet:
    """A list under way: of which shelf, box or transfer, and what was scanned so far."""

    kind: Command
    of: Thing
    scanned: list[str] = field(default_factory=list)

    def begin(self, services: Services, do: Do) -> Answer:
        """Begin: a transfer whose list is scanned is here."""
        if self.kind is Command.TRANSFER:
            return do(lambda asked: transfers.begin(services, asked, self.of.raw))
        return Answer(Said("desk-count-here", {"barcode": self.of.code}))

    def take(self, services: Services, raw: str, do: Do, asked: Asked) -> Answer:
        """Answer one scan of what stands there or came."""
        if self.kind is Command.TRANSFER:
            answer = do(lambda asking: transfers.check(services, asking, self.of.raw, raw))
            if answer.file is not None:
                self.scanned.append(raw)
            return answer
        self.scanned.append(raw)
        return inventory.preview(services, asked, self.of.raw, raw)

    def damaged(self, services: Services, do: Do) -> Answer:
        """Say that the last paper of a transfer came damaged."""
        if self.kind is not Command.TRANSFER or not self.scanned:
            return Answer(Said("desk-no-question"))
        last = self.scanned[-1]
        return do(lambda asked: transfers.check(services, asked, self.of.raw, last, damaged=True))

    def drop(self) -> Answer:
        """Take the last scan off an inventory that is not recorded yet; a line of a transfer stays."""
        if self.kind is Command.TRANSFER or not self.scanned:
            return Answer(Said("desk-nothing-to-undo"))
        return Answer(Said("desk-dropped", {"barcode": self.scanned.pop()}))

    def end(self, services: Services, do: Do) -> Answer:
        """Record the inventory, or end the check of the transfer."""
        if self.kind is Command.TRANSFER:
            return do(lambda asked: transfers.finish(services, asked, self.of.raw))
        return do(lambda asked: inventory.take(services, asked, self.of.raw, self.scanned))
