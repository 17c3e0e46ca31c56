"""What the doctor says of the published ledger: how far it goes, how old it is, and whether outsiders witness it.

Nothing is made or signed: where nothing is published the signer is not asked. Where its key and memory lie is said
beside the other keys (cli/checkup_home.py); time stamps have a check of their own there.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from cli.checkup import Check
from custody import ledger
from custody.policies import NONE, parse_policy
from custody.tables import events
from infra.services import Services
from records.errors import MunimentError
from records.ids import parse_instant
from tasks import publishing

LATEST = timedelta(days=1)  # `up` publishes every few seconds; who works by single commands publishes once a day
PUBLISHED, WITNESSES = "published ledger", "witnesses"


def published_ledger(services: Services) -> list[Check]:
    """Compare the newest checkpoint with the events: its size, the age of its newest event, and what waits."""
    wanted, fix = "every event published within a day", "muniment ledger publish"
    try:
        current = publishing.current(services)
    except MunimentError as error:
        return [
            Check(PUBLISHED, False, str(error), "a checkpoint of this installation's signer", "muniment verify ledger")
        ]
    covered = 0 if current is None else current.size
    with services.database.read() as connection:
        size = ledger.size(connection)
        rows = connection.execute(select(events.c.seq, events.c.ts).where(events.c.seq.in_((covered - 1, covered))))
        written = {row.seq: parse_instant(row.ts) for row in rows}
    if covered > size:
        found = f"{covered} events are published, and the database has {size}: an older one was put back"
        return [Check(PUBLISHED, False, found, wanted, "muniment verify ledger")]
    now = services.clock.now()
    late = covered < size and now - written[covered] > LATEST
    newest = f", the newest {_age(now, written[covered - 1])} old" if covered else ""
    waits = f"; {size - covered} wait, the oldest {_age(now, written[covered])}" if covered < size else ""
    return [Check(PUBLISHED, not late, f"{covered} of {size} events{newest}{waits}", wanted, fix, "advice")]


def _age(now: datetime, then: datetime) -> str:
    """Return an age in its largest whole unit; 0 s for a moment that is still to come."""
    seconds = max(0, int((now - then).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def witnesses(services: Services) -> list[Check]:
    """Tell who must cosign before an export. Nobody is no fault: a policy is for who wants one."""
    wanted = "a policy that can be read, or none"
    try:
        data = services.ledger_policy
        policy = None if data is None else parse_policy(data)
    except MunimentError as error:
        return [Check(WITNESSES, False, str(error), wanted, "muniment config show")]
    if policy is None:
        return [Check(WITNESSES, True, "none: no policy is named (ledger_policy)", wanted)]
    quorum = "none of them must cosign" if policy.quorum == NONE else f"quorum {policy.quorum}"
    return [Check(WITNESSES, True, f"{len(policy.witnesses)}, {quorum}", wanted)]
