"""The legal moves of paper: files, boxes, requests and places, as rows of the table of `records.lifecycle`.

Source: reference of the records desk, section 3; docs/design/lifecycle.md shows the rows and says what an event
states. `lent` with a request moves the file and the request: two subjects, two events, one transaction.
"""

Moves = tuple[tuple[str | None, str], ...]

_ON_HAND = ("received", "stored", "picked", "at_desk", "checked")  # here, and nobody's turn but ours
_HERE = (*_ON_HAND, "returned", "quarantine")
_BOX_ON_HAND = ("received", "stored", "picked", "checked")
_WAITING = ("queued", "picking", "ready", "in_transit")


def _stay(states: tuple[str, ...]) -> Moves:
    return tuple((state, state) for state in states)


def _from(states: tuple[str | None, ...], after: str) -> Moves:
    return tuple((state, after) for state in states)


# listed for destruction while at rest, taken off the list as it was, or destroyed: then nothing happens to it any more
_AT_REST = ("received", "stored", "checked")
_DISPOSAL: dict[str, Moves] = {
    "listed": _from(_AT_REST, "disposal_listed"),
    "unlisted": tuple(("disposal_listed", before) for before in _AT_REST),
    "disposed": (("disposal_listed", "destroyed"),),
}

_FILE: dict[str, Moves] = {
    "registered": ((None, "announced"),),
    # taken over, back after it was withdrawn, or arrived: then it is as it was when it left
    "received": (
        *_from((None, "announced", "withdrawn", "in_transit"), "received"),
        ("in_transit", "checked"),
        ("in_transit", "returned"),
    ),
    "refiled": _from(("received", "picked", "at_desk", "checked"), "stored"),
    "moved": _stay(_HERE),
    "picked": (("stored", "picked"),),
    "reserved": _from(("received", "stored", "picked", "checked"), "at_desk"),
    "lent": _from((*_ON_HAND, "in_transit"), "on_loan"),
    "renewed": _stay(("on_loan",)),
    "recalled": _stay(("on_loan",)),
    "recharged": _stay(("on_loan",)),
    "claimed": _stay(("on_loan",)),
    "returned": (("on_loan", "returned"),),
    "checked": (
        ("returned", "checked"),
        *_stay(_ON_HAND),
        *_from((*_ON_HAND, "returned"), "quarantine"),
    ),
    "settled": (("quarantine", "checked"),),
    "in_transit": _from((*_ON_HAND, "returned"), "in_transit"),
    "missing": _from((*_HERE, "in_transit", "in_digitisation", "on_loan", "found_pending"), "missing"),
    "found": (("missing", "found_pending"),),
    "found_approved": (("found_pending", "stored"), ("found_pending", "checked"), ("found_pending", "returned")),
    "prepared": _from(_ON_HAND, "in_digitisation"),
    "scanned": (("in_digitisation", "checked"),),
    # seen off its shelf, a file is to be put back; what is lent, on its way or unsure stays so
    "sighted": (("stored", "checked"), *_stay((*_HERE, "in_transit", "on_loan", "in_digitisation", "found_pending",
                                               "withdrawn", "disposal_listed"))),
    "withdrawn": _from(_BOX_ON_HAND, "withdrawn"),  # at rest with us: neither lent nor kept ready for anybody
    **_DISPOSAL,
}  # fmt: skip

_BOX: dict[str, Moves] = {
    "registered": ((None, "announced"),),
    "received": (*_from((None, "announced", "withdrawn", "in_transit"), "received"), ("in_transit", "checked"),
                 ("in_transit", "returned")),
    "refiled": _from(("received", "picked", "checked"), "stored"),
    "moved": _stay((*_BOX_ON_HAND, "returned")),
    "picked": (("stored", "picked"),),
    "lent": _from(_BOX_ON_HAND, "on_loan"),
    "renewed": _stay(("on_loan",)),
    "recalled": _stay(("on_loan",)),
    "returned": (("on_loan", "returned"),),
    "checked": (("returned", "checked"), *_stay(_BOX_ON_HAND)),
    "in_transit": _from((*_BOX_ON_HAND, "returned"), "in_transit"),
    "missing": _from((*_BOX_ON_HAND, "returned", "in_transit", "on_loan", "found_pending"), "missing"),
    "found": (("missing", "found_pending"),),
    "found_approved": (("found_pending", "stored"), ("found_pending", "checked"), ("found_pending", "returned")),
    "sighted": (("stored", "checked"), *_stay((*_BOX_ON_HAND, "returned", "in_transit", "on_loan", "found_pending",
                                               "disposal_listed"))),
    "withdrawn": _from(_BOX_ON_HAND, "withdrawn"),
    **_DISPOSAL,
}  # fmt: skip

_REQUEST: dict[str, Moves] = {
    "requested": ((None, "submitted"),),
    "authorised": (("submitted", "queued"),),
    "refused": _from(("submitted", "queued"), "refused"),
    "picked": (("queued", "picking"),),
    "reserved": _from(("queued", "picking", "in_transit"), "ready"),
    "in_transit": _from(("queued", "picking", "ready"), "in_transit"),
    "lent": _from(_WAITING, "filled"),
    "scanned": _from(("queued", "picking", "ready", "in_transit"), "converted"),
    "requeued": _from(("picking", "ready", "in_transit", "queued"), "queued"),  # another rank, or its turn is over
    "unfillable": _from(_WAITING, "not_fillable"),
    "expired": _from(_WAITING, "expired"),
    "cancelled": _from(("submitted", *_WAITING), "cancelled"),
}  # fmt: skip

_PLACE: dict[str, Moves] = {
    "registered": ((None, "open"),),
    "place_closed": (("open", "closed"),),
}

# The list of a transfer; its papers move by events of their own.
_TRANSFER: dict[str, Moves] = {
    "registered": ((None, "open"),),
    "in_transit": (("open", "sent"),),
    "received": _from(("open", "sent"), "received"),
    "checked": (
        *_from(("received", "checking", "with_errors", "corrected"), "checking"),
        *_from(("received", "checking", "corrected"), "checked"),
        *_from(("received", "checking", "corrected"), "with_errors"),
    ),
    "settled": (("with_errors", "corrected"),),
    "refiled": (("checked", "placed"),),
    "refused": _from(("open", "sent", "received"), "rejected"),
    "withdrawn": (("open", "sent"),),  # handed over for good: nothing comes back by this list
}

# What a clerk may take back at once: the same move in the other direction (`reversed` names the event).
UNDOABLE = ("moved", "picked", "refiled", "lent", "returned", "in_transit")


def _reversals(moves: dict[str, Moves]) -> Moves:
    back = {(after, before) for kind in UNDOABLE for before, after in moves.get(kind, ()) if before is not None}
    return tuple(sorted(back))


BY_KIND: dict[str, dict[str, Moves]] = {
    "fil": {**_FILE, "reversed": _reversals(_FILE)},
    "box": {**_BOX, "reversed": _reversals(_BOX)},
    "req": {**_REQUEST, "reversed": _reversals(_REQUEST)},
    "loc": _PLACE,
    "trf": _TRANSFER,
}


def rows() -> dict[str, dict[str, Moves]]:
    """Return the moves as type -> subject kind -> legal (from, to)."""
    found: dict[str, dict[str, Moves]] = {}
    for kind, moves in BY_KIND.items():
        for event_type, legal in moves.items():
            found.setdefault(event_type, {})[kind] = legal
    return found
