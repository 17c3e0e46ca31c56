"""What an error of the operating system says of this machine, and not of the file or person that met it."""

import errno

from records.errors import NoSpaceError, StoreUnavailableError, UnavailableError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
TROUBLED = frozenset(
    (errno.EIO, errno.EINTR, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENODEV, errno.EROFS)
)


def machine_fault(error: OSError) -> UnavailableError | None:
    """Return what a failing or full disk, or a machine short of something, means; None where it is not the machine.

    Parsers raise OSError for damaged files too: without an `errno`. Only the error's name is told, never a path.
    """
    if error.errno in FULL:
        return NoSpaceError(errno.errorcode[error.errno])
    if error.errno in TROUBLED:
        return StoreUnavailableError(errno.errorcode[error.errno])
    return None
