"""The branches of the error tree about custody and ledger; drawn in records/errors.py, where everybody imports from."""

from records.error_root import MunimentError


class CustodyError(MunimentError):
    """An original or a physical file is not where or what the ledger says; nothing was handed over."""

    exit_code = 20
    next_step = "Run 'muniment custody check' and tell the compliance officer."


class FixityError(CustodyError):
    """The bytes do not have the digest the ledger recorded."""

    exit_code = 21

    def __init__(self, expected: str, actual: str) -> None:
        """Args: expected and actual SHA-256 of sealed bytes, 64 lower-case hexadecimal digits."""
        super().__init__(expected, actual)
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        """Show enough of both digests to compare by eye."""
        return f"digest {self.actual[:12]} does not match the recorded {self.expected[:12]}"


class OriginalNotFoundError(CustodyError):
    """No object stands under the key that the catalogue names."""

    exit_code = 22


class OriginalConflictError(CustodyError):
    """Other bytes are already stored under this key."""

    exit_code = 23


class LifecycleError(CustodyError):
    """The move is not in the table of legal transitions (records.lifecycle)."""

    exit_code = 24


class EnvelopeError(CustodyError):
    """An envelope or sealed object does not open with the key that should open it, or is damaged."""

    exit_code = 25


class LeaseLostError(CustodyError):
    """Another worker holds the row now; this one stops, writes nothing and deletes nothing."""

    exit_code = 26
    next_step = "Nothing: the other worker goes on with it."


class AccessDeniedError(CustodyError):
    """The person is not accredited for this; the denial is in the ledger."""

    exit_code = 27
    next_step = "Ask for accreditation: 'muniment person accredit'."


class ReleaseRefusedError(CustodyError):
    """A key was asked for without a committed, fresh and unused event that names its document."""

    exit_code = 28


class NoteError(CustodyError):
    """A signed note is malformed, not signed by the key asked for, or its signature does not hold."""

    exit_code = 29
    next_step = "Compare the key with the one you got by another way, and ask for the note again."


class LeafError(CustodyError):
    """A leaf of the ledger does not have the documented form (docs/design/formats.md); what it holds is not shown."""

    exit_code = 63

    def __init__(self, expected: str, found: str) -> None:
        """Args: what was expected and what was found, without values."""
        super().__init__(expected, found)
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        """Say both."""
        return f"a leaf of the ledger: {self.found}, expected {self.expected}"


class DisposalRefusedError(CustodyError):
    """Something stands in the way of a disposal; nothing was destroyed."""

    exit_code = 67
    next_step = "Run 'muniment disposal due' and 'muniment disposal show ORDER': they name what stands in the way."


class DisposedError(CustodyError):
    """The record was disposed of: its content is destroyed, its history is left."""

    exit_code = 68
    next_step = "Run 'muniment record timeline': it shows by which order, and what happened before."


class KeyInUseError(CustodyError):
    """A vault key is still needed: by envelopes, as the current epoch, or by backups; it was not destroyed."""

    exit_code = 69
    next_step = "Run 'muniment keys list'; 'muniment keys rotate' wraps every envelope to a newer epoch."


class LedgerError(MunimentError):
    """The published ledger, or something made from it, is not what it should be."""

    exit_code = 60
    next_step = "Run 'muniment custody check' and tell the compliance officer."


class ProofError(LedgerError):
    """A proof, tile, bundle or policy of the ledger is malformed, or does not lead to the root it should."""

    exit_code = 61
    next_step = "Ask for the file again, and compare the key with the one you got by another way."


class LedgerForkError(LedgerError):
    """The events do not continue what was signed before (a restored or altered database): nothing is published."""

    exit_code = 62
    next_step = "Bring back the newest database, keep every file as it is, and tell the compliance officer."


class TimestampError(LedgerError):
    """A time stamp is malformed, not over these bytes, or not of an authority that is trusted."""

    exit_code = 65
    next_step = "Compare 'tsa_roots' and 'tsa_policy' with what the authority publishes, and ask it for a new one."


class PackageError(LedgerError):
    """An evidence package could not be made, or is not what a package is."""

    exit_code = 66
    next_step = "Ask for the package again; 'muniment verify package' names what does not hold."
