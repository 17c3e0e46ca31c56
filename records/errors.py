"""The error tree: what can go wrong on purpose, with its exit code and whether trying again may help.

* MunimentError                    2
  x InputError                    10
    + RefusedScanError            11
    + ChildLimitError             12
    + UnknownIdError              13
    + AmbiguousIdError            14
    + InvalidValueError           15
    + RecordClassError            16
    + ChildFaultError             17
    + ReviewTakenError            18
  x CustodyError                  20
    + FixityError                 21
    + OriginalNotFoundError       22
    + OriginalConflictError       23
    + LifecycleError              24
    + EnvelopeError               25
    + LeaseLostError              26
    + AccessDeniedError           27
    + ReleaseRefusedError         28
    + NoteError                   29
    + LeafError                   63
    + DisposalRefusedError        67
    + DisposedError               68
    + KeyInUseError               69
  x SearchError                   30
    + QueryError                  31
  x UnavailableError              40  (retryable)
    + NoSpaceError                41  (retryable)
    + StoreUnavailableError       42  (retryable)
      - StoreLockError            48  (retryable)
    + DatabaseUnavailableError    43  (retryable)
    + IndexUnavailableError       44  (retryable)
    + EngineUnavailableError      45  (retryable)
    + WaitingScanError            46  (retryable)
    + AuthorityUnavailableError   47  (retryable)
  x ConfigurationError            50
    + MissingProgramError         51
  x LedgerError                   60
    + ProofError                  61
    + LedgerForkError             62
    + TimestampError              65
    + PackageError                66
  x DeskError                     70
    + BarcodeError                71
    + CalendarError               72
    + DueDateError                73

Arguments are positional, simple and free of personal data: Prefect pickles exceptions and stores their text
(STYLE section 8, facts 7 and 8). Design: section 2, rules 7 and 10; docs/errors.md has one entry for each.
"""

from records.custody_errors import (
    AccessDeniedError,
    CustodyError,
    DisposalRefusedError,
    DisposedError,
    EnvelopeError,
    FixityError,
    KeyInUseError,
    LeafError,
    LeaseLostError,
    LedgerError,
    LedgerForkError,
    LifecycleError,
    NoteError,
    OriginalConflictError,
    OriginalNotFoundError,
    PackageError,
    ProofError,
    ReleaseRefusedError,
    TimestampError,
)
from records.error_root import MunimentError

__all__ = [
    "AccessDeniedError", "AmbiguousIdError", "AuthorityUnavailableError", "BarcodeError", "CalendarError",
    "ChildFaultError", "ChildLimitError", "ConfigurationError", "CustodyError", "DatabaseUnavailableError",
    "DeskError", "DisposalRefusedError", "DisposedError", "DueDateError", "EngineUnavailableError", "EnvelopeError",
    "FixityError", "IndexUnavailableError", "InputError", "InvalidValueError", "KeyInUseError", "LeafError",
    "LeaseLostError", "LedgerError", "LedgerForkError", "LifecycleError", "MissingProgramError", "MunimentError",
    "NoSpaceError", "NoteError", "OriginalConflictError", "OriginalNotFoundError", "PackageError", "ProofError",
    "QueryError", "RecordClassError", "RefusedScanError", "ReleaseRefusedError", "ReviewTakenError", "SearchError",
    "StoreLockError", "StoreUnavailableError", "TimestampError", "UnavailableError", "UnknownIdError",
    "WaitingScanError",
]  # fmt: skip


class InputError(MunimentError):
    """What was handed in cannot be accepted as it is; correct it and offer it again."""

    exit_code = 10
    next_step = "Correct what was handed in and try again."


class RefusedScanError(InputError):
    """A scan is refused for a reason of the closed list (records.reasons); its bytes wait in quarantine."""

    exit_code = 11
    next_step = "Read the reason; scan the sheet again or ask for another file."

    def __init__(self, code: str, detail: str = "") -> None:
        """Args: code of records.reasons.REFUSALS; detail without names or text of the document."""
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        """Say the code and what was seen."""
        return f"{self.code}: {self.detail}" if self.detail else self.code


class ChildLimitError(InputError):
    """A child process that parsed a file was ended: by 'time', 'memory' or a 'crash'. A property of the file."""

    exit_code = 12
    next_step = "The file is kept aside; look at it on a machine you can spare, or raise the limit named."

    def __init__(self, limit: str) -> None:
        """Args: limit, one of time, memory, crash."""
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        """Name the limit."""
        return f"the child process was ended by its limit: {self.limit}"


class UnknownIdError(InputError):
    """Nothing has this id, or nothing that you may see."""

    exit_code = 13
    next_step = "List what there is: 'muniment record list', 'muniment status'."


class AmbiguousIdError(InputError):
    """The start of an id that was given fits more than one."""

    exit_code = 14
    next_step = "Give more characters of the id."


class InvalidValueError(InputError):
    """A value given on the command line or in a request does not have the form asked for."""

    exit_code = 15
    next_step = "See 'muniment COMMAND --help' for the form."


class RecordClassError(InputError):
    """A record class file does not hold: a key, a type or a pattern in it is wrong."""

    exit_code = 16
    next_step = "Correct the class file at the place named; 'muniment class show generic' is an example."


class ChildFaultError(InputError):
    """A parser in a child process met something nobody foresaw; only the error's type and place are told."""

    exit_code = 17
    next_step = "The file is kept aside; report the type and place named, they hold nothing of the document."


class ReviewTakenError(InputError):
    """Another person works on this record of the review queue, or took it when a lock had ended."""

    exit_code = 18
    next_step = "Take another record with 'muniment review next'; 'muniment review list' tells who has which."


class SearchError(MunimentError):
    """The index could not answer; the catalogue is untouched."""

    exit_code = 30
    next_step = "Run 'muniment index status'; 'muniment index rebuild' makes the index anew."


class QueryError(SearchError):
    """The query, a filter or a cursor cannot be understood."""

    exit_code = 31
    next_step = "Correct the query; see 'muniment search --help'."


class UnavailableError(MunimentError):
    """A service did not answer; the same call may succeed later."""

    exit_code = 40
    retryable = True
    next_step = "Try again later; 'muniment doctor' tells which service does not answer."


class NoSpaceError(UnavailableError):
    """The disk is full; the file waits and nothing was lost."""

    exit_code = 41
    next_step = "Free some space; waiting files are then taken by themselves."


class StoreUnavailableError(UnavailableError):
    """The object store did not answer or could not write."""

    exit_code = 42


class DatabaseUnavailableError(UnavailableError):
    """The catalogue's database did not answer."""

    exit_code = 43


class IndexUnavailableError(UnavailableError):
    """The search index did not answer or is held by another writer; the outbox keeps what is due."""

    exit_code = 44


class EngineUnavailableError(UnavailableError):
    """No reading engine could be started."""

    exit_code = 45
    next_step = "Install Tesseract and its models: 'muniment doctor' says how."


class WaitingScanError(UnavailableError):
    """A scan must wait, for a reason of the closed list (records.reasons.WAITING); nothing was lost."""

    exit_code = 46
    next_step = "Nothing: it is tried again by itself; 'muniment status' shows why it waits."

    def __init__(self, code: str) -> None:
        """Args: code of records.reasons.WAITING."""
        super().__init__(code)
        self.code = code


class AuthorityUnavailableError(UnavailableError):
    """A time-stamping authority, or witnesses that the policy asks for, did not answer in time, or not with that."""

    exit_code = 47
    next_step = (
        "Nothing, if it was asked by itself: it is asked again; else try later, or look at 'tsa_url' or the witnesses."
    )


class StoreLockError(StoreUnavailableError):
    """The store takes locks and was seen not to keep them, or left an object unlocked; nothing is stored there."""

    exit_code = 48
    next_step = "Use a server with Object Lock; 'muniment doctor' tries it anew and says what it does not keep."


class ConfigurationError(MunimentError):
    """A setting is missing, contradictory or unsafe."""

    exit_code = 50
    next_step = "See docs/configuration.md; 'muniment config show' prints what is set and where."


class MissingProgramError(ConfigurationError):
    """A program that is needed is not installed."""

    exit_code = 51
    next_step = "Install it: 'muniment doctor' prints the command."


class DeskError(MunimentError):
    """The records desk could not do what was asked; no paper and no row was moved."""

    exit_code = 70
    next_step = "Read what the desk says and scan again; 'muniment file find' tells where a file is."


class BarcodeError(DeskError):
    """What was scanned or typed is no barcode of this installation, or was read wrongly."""

    exit_code = 71
    next_step = "Scan it again; if it stays so, print a new label: 'muniment print labels'."

    def __init__(self, reason: str) -> None:
        """Args: reason, one of not-a-barcode, run-on, wrong-length, check-digits, out-of-range."""
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Say what is wrong, never what was scanned: it may be a name."""
        return f"this is no barcode that can be used: {self.reason}"


class CalendarError(DeskError):
    """A site has no calendar, its calendar is never open or holds a wrong rule, or its time zone is unknown."""

    exit_code = 72
    next_step = "Give the site a calendar with open days and a time zone of the IANA list: 'muniment place --help'."


class DueDateError(DeskError):
    """A due date that may not be: in the past, on a closed day, or a renewal that would not move it on."""

    exit_code = 73
    next_step = "Choose a later day on which the site is open."
