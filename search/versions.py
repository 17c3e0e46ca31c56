"""Which of two changes of a record is the newer one; one rule for every index."""

from typing import NamedTuple

from search.contract import Change, Removal


class Held(NamedTuple):
    """What an index holds of a record: the version of its last change, and whether that was a removal."""

    version: int
    removed: bool


def is_newer(change: Change, held: Held | None) -> bool:
    """Tell whether `change` replaces what is held.

    The same version again is taken again (it costs little), but never brings a removed record back.
    """
    if held is None or change.version > held.version:
        return True
    return change.version == held.version and (isinstance(change, Removal) or not held.removed)
