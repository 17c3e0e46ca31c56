"""How long paper is lent and kept ready, as an operator sets it; rules of dates are in records/due_dates.py."""

from dataclasses import dataclass

from records.due_dates import ClosedDay, Period, RenewalBase

FORTNIGHT = Period(days=15)  # what Spanish public archives lend for


@dataclass(frozen=True, slots=True)
class LoanPolicy:
    """Terms of loans. `time_zone` is that of a site for which none is said (IANA name); `desk` is where clerks are."""

    period: Period = FORTNIGHT
    renewals: int = 2
    closed_day: ClosedDay = ClosedDay.NEXT_OPEN
    renewal_base: RenewalBase = RenewalBase.LATER
    ready_days: int = 5  # days a file is kept at the desk for who asked for it
    notice_days: int = 5  # days a notice is tried by e-mail before it becomes a letter
    person_days: int = 365  # days after the last loan until a person may be removed
    time_zone: str = "Europe/Madrid"
    desk: str | None = None  # place as people write it; None: the desk of the only site
