"""A copy of the published ledger in a folder, for tools that read files: only what is new is fetched.

Files that never change are fetched once; partial ones go when their full ones have come; `checkpoint` is replaced last,
so that the copy is a whole ledger at any moment, if an older one.
"""

from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import CHECKPOINT, LedgerFiles


def copy_ledger(source: LedgerFiles, target: LedgerDirectory) -> int:
    """Bring a copy up to date; return how many files were fetched.

    Raises:
        LedgerError: the copy holds other bytes under a name than it should.
        UnavailableError: the source does not answer.
    """
    target.make()
    if not source.is_made():  # nothing was ever published: whoever reads the copy says so
        return 0
    checkpoint = source.read(CHECKPOINT)  # first: all that it needs is there already
    if checkpoint is None:
        return 0
    there, here = set(source.paths("")), set(target.paths(""))
    fetched = 0
    for path in sorted(there - here - {CHECKPOINT}):
        data = source.read(path)
        if data is not None:  # a partial one may have gone meanwhile
            target.put(path, data)
            fetched += 1
    if target.read(CHECKPOINT) != checkpoint:
        target.replace(CHECKPOINT, checkpoint)
        fetched += 1
    for path in here - there:
        if ".p/" in path and path.partition(".p/")[0] in there:
            target.remove(path)
    return fetched
