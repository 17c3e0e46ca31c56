"""What an installation must have: home, space, database, store, index, keys, people, clock (see cli/checkup.py).

Nothing is made: where there is no installation yet, what the first command will make counts as being in order.
"""

import shutil
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from cli.checkup import Check
from cli.checkup_ledger import published_ledger, witnesses
from custody.access import ROLES
from custody.lock_assurance import try_locks
from custody.roles import given_to_oneself, held_together
from custody.tables import events
from infra.clock import SystemClock
from infra.database import HEAD
from infra.home import places_of
from infra.services import Services
from infra.settings import Settings
from records.errors import DatabaseUnavailableError, MunimentError
from records.ids import parse_instant
from records.places import Places
from records.tables import persons
from tasks import indexing, timestamping

GIB = 1 << 30
LEAST_FREE = GIB // 2  # a sealed copy, the catalogue and derivatives of one large file
GOOD_FREE = 5 * GIB
BUILT = datetime.fromisoformat("2026-11-01T00:00:00Z")  # no clock that is right shows an earlier day
AHEAD = timedelta(minutes=5)
NOT_YET = "not made yet: the first command makes it"


def home_checks(settings: Settings, open_services: Callable[[], Services]) -> list[Check]:
    """Return every check of the installation; `open_services` is called only where there is one already."""
    places = places_of(settings)
    checks = [*_home(places), *_space(places), *_clock(), *_inbox(places), *_keys(places)]
    if not settings.database_url and not places.catalogue.exists():
        return [*checks, *(Check(name, True, NOT_YET, "answers") for name in ("database", "store", "index"))]
    try:
        services = open_services()
    except MunimentError as error:
        name = "database" if isinstance(error, DatabaseUnavailableError) else "installation"
        return [*checks, Check(name, False, str(error), "answers", "muniment config show")]
    parts = (_database, _store, _index, _people, _ledger_clock, published_ledger, _stamps, witnesses)
    return [*checks, *(check for part in parts for check in part(services))]


def _home(places: Places) -> list[Check]:
    if not places.home.exists():
        return [Check("home", True, NOT_YET, "a folder that you can write")]
    mode = stat.S_IMODE(places.home.stat().st_mode)
    probe = places.home / ".doctor"
    try:
        probe.touch(mode=0o600)
        probe.unlink()
        found, ok = f"{places.home}, writable", True
    except OSError as error:
        found, ok = f"{places.home}: {error.strerror}", False
    return [
        Check("home", ok, found, "a folder that you can write", f"sudo chown -R $USER {places.home}"),
        Check("home's mode", not mode & 0o077, f"{mode:04o}", "0700", f"chmod 700 {places.home}"),
    ]


def _space(places: Places) -> list[Check]:
    there = next(folder for folder in (places.home, *places.home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    found, fix = f"{free / GIB:.1f} GiB", f"du -xh --max-depth=2 {there} | sort -h | tail"
    return [
        Check("free space", free >= LEAST_FREE, found, ">= 0.5 GiB", fix),
        Check("room to grow", free >= GOOD_FREE, found, ">= 5 GiB", fix, "advice"),
    ]


def _clock() -> list[Check]:
    now = SystemClock().now()
    return [Check("clock", now > BUILT, now.isoformat(timespec="seconds"), "today", "sudo timedatectl set-ntp true")]


def _inbox(places: Places) -> list[Check]:
    """A watched file is claimed by rename, which only works within one file system."""
    if not (places.inbox.exists() and places.work.exists()):
        return [Check("inbox", True, NOT_YET, "on the home's file system")]
    ok = _same_volume(places.inbox, places.work)
    return [
        Check(
            "inbox",
            ok,
            str(places.inbox),
            "on the home's file system",
            f"mv {places.inbox} {places.home}/inbox",
            "advice",
        )
    ]


def _keys(places: Places) -> list[Check]:
    """Keys beside the data open them for whoever takes both; shares are meant to lie with different people."""
    if not places.keys.exists():
        return [Check("keys", True, NOT_YET, "readable by you alone")]
    open_to_others = [path.name for path in places.keys.glob("*.agekey") if path.stat().st_mode & 0o077]
    shares = sorted(places.escrow.glob("*/share-*.txt")) if places.escrow.exists() else []
    toml = places.home / "muniment.toml"
    elsewhere, elsewhere_signer = "/ANOTHER/VOLUME/keys", "/ANOTHER/VOLUME/signer"
    return [
        Check(
            "keys", not open_to_others, ", ".join(open_to_others) or "mode 0600", "readable by you alone",
            f"chmod 600 {places.keys}/*.agekey",
        ),
        Check(
            "keys apart", not _same_volume(places.keys, places.home), str(places.keys),
            "on another volume than the data",
            f"mv {places.keys} {elsewhere} && echo 'keys = \"{elsewhere}\"' >> {toml}", "advice",
        ),
        Check(
            "signer apart", not _same_volume(places.signer, places.home), str(places.signer),
            "the ledger signer's key and memory on another volume than the data: restored with it, they see no fork",
            f"mv {places.signer} {elsewhere_signer} && echo 'signer = \"{elsewhere_signer}\"' >> {toml}", "advice",
        ),
        Check(
            "escrow apart", not (shares and _same_volume(places.escrow, places.home)),
            f"{len(shares)} shares in {places.escrow}", "each share with another person, none on the data's volume",
            f"mv {shares[0] if shares else places.escrow} /media/THE-CUSTODIANS-OWN/", "advice",
        ),
    ]  # fmt: skip


def _same_volume(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.stat().st_dev == other.stat().st_dev


def _database(services: Services) -> list[Check]:
    with services.database.read() as connection:
        schema = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())
        if connection.dialect.name == "postgresql":
            version = connection.execute(text("SHOW server_version")).scalar()
            durable = str(connection.execute(text("SHOW synchronous_commit")).scalar())
            checks = [
                Check(
                    "commits are durable", durable != "off", durable, "on", "ALTER SYSTEM SET synchronous_commit = on"
                )
            ]
            return [
                Check("database", schema == HEAD, f"PostgreSQL {version}, schema {schema}", f"schema {HEAD}"),
                *checks,
            ]
        pragmas = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in
                   ("journal_mode", "synchronous", "foreign_keys")}  # fmt: skip
    found = ", ".join(f"{name}={value}" for name, value in pragmas.items())
    right = pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    fix = f"mv {services.places.home} /A/LOCAL/DISK"  # write-ahead logging needs shared memory: no network drive
    return [
        Check("database", schema == HEAD, f"SQLite, schema {schema}", f"schema {HEAD}"),
        Check("SQLite's settings", right, found, "journal_mode=wal, synchronous=2, foreign_keys=1", fix),
    ]


def _store(services: Services) -> list[Check]:
    try:
        store = services.vault.store
        next(store.versions("o/"), None)
        probe = try_locks(services.vault)
    except MunimentError as error:
        return [Check("store", False, str(error), "answers", "muniment config show")]
    failed = ", ".join(name for name, good in probe.details if not good)
    kind = "S3" if store.locks else "a directory"
    checks = [Check("store", True, f"{kind}: {store.name}", "answers")]
    if store.locks:
        found = f"{probe.outcome}{': ' if failed else ''}{failed}"
        checks.append(Check("store's locks", probe.outcome == "holds", found, "holds", "muniment custody check"))
    else:
        wanted = "an S3 store that enforces Object Lock"
        checks.append(Check("store's locks", False, "a directory has none", wanted, "muniment config show", "advice"))
    return checks


def _index(services: Services) -> list[Check]:
    try:
        found = indexing.status(services)
    except MunimentError as error:
        return [Check("index", False, str(error), "answers", "muniment index rebuild")]
    shown = f"{found.engine}, {found.indexed_pages} of {found.catalogue_pages} pages"
    equal = Check("index is whole", found.equal, shown, "what the catalogue holds", "muniment index rebuild", "advice")
    return [Check("index", True, found.engine, "answers"), equal]


def _people(services: Services) -> list[Check]:
    with services.database.read() as connection:
        count = sum(1 for row in connection.execute(select(persons)) if set(row.roles) >= set(ROLES))
        together = list(held_together(connection, services.today()))
        own = given_to_oneself(connection)
    fix = "muniment person add NAME --role compliance --role custodian"
    found = f"{count} with all of them" if count else "divided"
    shown = "; ".join(f"{one.person}: {', '.join(one.roles)} ({one.client or 'installation'})" for one in together[:5])
    person = together[0].person if together else "NAME"
    return [
        Check("roles divided", not count, found, "nobody has all roles", fix, "advice"),
        Check(
            "four eyes", not together, shown or "no", "nobody can do alone what two people must do",
            f"muniment person revoke '{person}' --role ROLE --client CLIENT", "advice",
        ),
        Check(
            "given by another", not own, f"{own} times to oneself", "nobody gives roles to himself",
            "muniment person list", "advice",
        ),
    ]  # fmt: skip


def _ledger_clock(services: Services) -> list[Check]:
    """A clock behind the newest event was put back: later events would seem earlier."""
    with services.database.read() as connection:
        newest = connection.execute(select(func.max(events.c.ts))).scalar()
    ok = newest is None or parse_instant(newest) <= services.clock.now() + AHEAD
    return [Check("clock and ledger", ok, newest or "-", "no event in the future", "sudo timedatectl set-ntp true")]


def _stamps(services: Services) -> list[Check]:
    """Tell how long the evidence lasts: time stamps that end, and those that ended unrenewed or do not hold."""
    name, wanted = "time stamps", "good, and renewed before they end"
    try:
        if services.stamping is None:
            return [Check(name, True, "none: no authority is named (tsa_url)", wanted)]
        found = timestamping.look(services)
    except MunimentError as error:
        return [Check(name, False, str(error), wanted, "muniment config show")]
    if found.failing or found.ended:
        said = f"{len(found.failing)} do not hold, {len(found.ended)} ended without being renewed"
        return [Check(name, False, said, wanted, "muniment verify ledger")]
    soon = found.next_end is not None and found.next_end - services.stamping.renew_before <= services.clock.now()
    until = "none yet" if found.next_end is None else f"{found.looked_at}, the first ends {found.next_end.date()}"
    return [Check(name, not soon and found.next_end is not None, until, wanted, "muniment ledger timestamp")]
