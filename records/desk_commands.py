"""The command barcodes of the desk: what each number means, for ever, since cards with them are printed and laminated.

Command-first or object-first (reference of the records desk, section 7). A command may be typed as its word, too, in
English or in the language of the desk.
"""

from enum import StrEnum

from records.barcodes import Kind, make_code


class Command(StrEnum):
    """A command; the value is the word that may be typed for it."""

    LEND = "lend"
    RETURN = "return"
    CHECK = "check"
    CHECK_OK = "check-ok"
    SHORT = "short"
    REFILE = "refile"
    MOVE = "move"
    STAGE = "stage"
    FOUND = "found"
    MISSING = "missing"
    UNDO = "undo"
    END = "end"
    YES = "yes"
    NO = "no"
    PICK = "pick"
    NOT_FOUND = "not-found"
    RECHARGE = "recharge"
    INVENTORY = "inventory"
    TRANSFER = "transfer"
    FIND = "find"
    RENEW = "renew"
    RECEIVE = "receive"
    GOOD = "good"
    WORN = "worn"
    DAMAGED = "damaged"
    WET = "wet"
    INCOMPLETE = "incomplete"


# number on the barcode -> command, and what it does; a number is never given to another command
NUMBERS: dict[int, Command] = {
    1: Command.LEND, 2: Command.RETURN, 3: Command.CHECK, 4: Command.CHECK_OK, 5: Command.SHORT, 6: Command.REFILE,
    7: Command.MOVE, 8: Command.STAGE, 9: Command.FOUND, 10: Command.MISSING, 11: Command.UNDO, 12: Command.END,
    13: Command.YES, 14: Command.NO, 15: Command.PICK, 16: Command.NOT_FOUND, 17: Command.RECHARGE,
    18: Command.INVENTORY, 19: Command.TRANSFER, 20: Command.FIND, 21: Command.RENEW, 22: Command.RECEIVE,
    31: Command.GOOD, 32: Command.WORN, 33: Command.DAMAGED, 34: Command.WET, 35: Command.INCOMPLETE,
}  # fmt: skip

MEANINGS: dict[Command, str] = {
    Command.LEND: "Lend: the borrower's card, then each file",
    Command.RETURN: "Take back: each file",
    Command.CHECK: "Check: the file, the number of pages, its condition",
    Command.CHECK_OK: "All pages are there, in good condition",
    Command.SHORT: "Pages are missing: type how many there are",
    Command.REFILE: "Put back: the file, its box or slot",
    Command.MOVE: "Move: the file or box (or a whole slot), then where to",
    Command.STAGE: "Put aside here: each file",
    Command.FOUND: "A missing file was found",
    Command.MISSING: "A file is missing",
    Command.UNDO: "Take back the last act",
    Command.END: "End, and print the slip",
    Command.YES: "Yes, go on",
    Command.NO: "No, leave it",
    Command.PICK: "Fetch: slot, box, file",
    Command.NOT_FOUND: "The next file on the list is not there",
    Command.RECHARGE: "Hand on: the file, who gets it",
    Command.INVENTORY: "Count a shelf: the shelf, everything on it, end",
    Command.TRANSFER: "Check a transfer: its list, each box and file, end",
    Command.FIND: "Where is it: each file",
    Command.RENEW: "Lend for longer: each file",
    Command.RECEIVE: "Take in: each file or box",
    Command.GOOD: "Condition: good",
    Command.WORN: "Condition: worn",
    Command.DAMAGED: "Condition: damaged",
    Command.WET: "Condition: wet",
    Command.INCOMPLETE: "Condition: incomplete",
}

CONDITION_COMMANDS = (Command.GOOD, Command.WORN, Command.DAMAGED, Command.WET, Command.INCOMPLETE)


def command_code(command: Command) -> str:
    """Return the barcode of a command."""
    return make_code(Kind.COMMAND, next(number for number, one in NUMBERS.items() if one is command))
