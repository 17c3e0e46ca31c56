"""The composition root: the one place that knows which implementation is used. Dear things open at first use."""

import hashlib
import os
import pwd
import resource
import signal
import sys
import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property, partial
from pathlib import Path

from sqlalchemy import Engine, select

from custody import people
from custody.access import Person
from custody.algorithms import Algorithms, parse_algorithms, shipped_algorithms
from custody.key_rings import open_key_ring
from custody.keys import KeyRing
from custody.ledger_guard import refuse_older
from custody.ledger_signer import MEMORY, SignerOptions
from custody.lock_assurance import require_locks
from custody.notes import FileSigner
from custody.sealing import Sealed, seal_file
from custody.stores.assured import AssuredStore
from custody.stores.base import ObjectStore
from custody.stores.directory import DirectoryStore, is_directory_store, make_directory
from custody.stores.lazy import LazyStore
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import LedgerFiles
from custody.tables import originals
from custody.timestamps import Stamping, Trust, read_roots
from custody.vault import Vault
from infra.children import Children
from infra.client_lists import ClientLists
from infra.clock import SystemClock, UuidIds
from infra.database import EngineDatabase, bring_up_to_date, postgres_engine, sqlite_engine
from infra.home import exclusive, make_home, make_scratch, owner_alive, places_of, process_owner, remove_scratch
from infra.mail import SmtpMailer
from infra.rule_service import HttpRuleService
from infra.settings import Settings, load_settings, read_file
from infra.signer_process import SignerProcess
from infra.vat_registry import VatRegistry
from records.class_library import ClassLibrary, load_library, shipped_library
from records.client_words import parse_client_words
from records.due_dates import Period
from records.errors import ConfigurationError, IndexUnavailableError, UnavailableError
from records.leases import LeaseBook
from records.loan_policy import LoanPolicy
from records.options import ClientWords, Limits, ReadingOptions
from records.parties import Party
from records.references import Reference
from search.contract import SearchIndex

SEAL_SECONDS = 3600.0  # wall clock for sealing one file: 8 GiB at the slowest disk we would use
INDEX_SECONDS = 30.0  # how long an index writer waits for another one
PUBLISH_SECONDS = 120.0  # how long a publisher waits for another one: a hundred thousand events


class Services:
    """Everything a step, a page or a command needs from outside the process (tasks/services.py)."""

    def __init__(self, settings: Settings, person: str | None = None) -> None:
        """Open the catalogue and find out who acts; make the installation at first use.

        Raises:
            ConfigurationError, DatabaseUnavailableError, NoSpaceError, AccessDeniedError.
        """
        self.settings = settings
        self.places = places_of(settings)
        make_home(self.places)
        self.clock = SystemClock()
        self.ids = UuidIds()
        self._lock = threading.Lock()
        engine = self._engine()
        bring_up_to_date(engine)
        self.database = EngineDatabase(engine, partial(refuse_older, memory=self.places.signer / MEMORY))
        self.made = people.first_use(self.vault, os_user())
        self.leases = LeaseBook(self.database, self.clock, process_owner(), owner_alive, settings.lease_seconds)
        token = settings.token.get_secret_value() if settings.token else None
        with self.database.read() as connection:
            self.person: Person = people.current_person(connection, os_user(), person, token)

    def _engine(self) -> Engine:
        if self.settings.database_url:
            password = self.settings.database_password
            return postgres_engine(self.settings.database_url, password.get_secret_value() if password else None)
        return sqlite_engine(self.places.catalogue)

    @cached_property
    def vault(self) -> Vault:
        """The custody side."""
        return Vault(
            self.database, self._store, self._keyring, self.clock, self.ids,
            self._seal, self.places.staging, self.scratch, self._reached, self.settings.retention_days,
            self.settings.renewal_days, self._store_mark(), self.settings.backup_days,
        )  # fmt: skip

    @cached_property
    def _keyring(self) -> KeyRing:
        """The ring of vault keys, by the scheme of its address."""
        address = self.settings.key_ring or self.places.keys.absolute().as_uri()
        secret = self.settings.key_passphrase
        return open_key_ring(address, self.places.escrow, secret.get_secret_value() if secret else None)

    @cached_property
    def _store(self) -> ObjectStore:
        """The store: no server is spoken to and no bucket made before something is stored or read.

        In a bucket nothing is stored before its server was seen to keep locks.
        """
        if self.settings.store == "directory":
            self._make_directory()
            return DirectoryStore(self.places.store)
        from custody.stores.s3 import S3Store
        from custody.stores.s3_answers import make_bucket
        from infra.clients import minio_client, minio_keeper

        client, keeper, bucket = minio_client(self.settings), minio_keeper(self.settings), self.settings.s3_bucket

        def opened() -> ObjectStore:
            make_bucket(keeper, bucket, self.settings.s3_default_days)
            return S3Store(client, bucket, keeper)

        return AssuredStore(LazyStore(bucket, opened), lambda: require_locks(self.vault), self.clock.now)

    def _store_mark(self) -> str:
        if self.settings.store == "directory":
            return "directory"
        where = f"{self.settings.s3_endpoint}\n{self.settings.s3_bucket}"
        return hashlib.sha256(where.encode()).hexdigest()[:16]

    def _make_directory(self) -> None:
        """Make the store's folder while nothing is held; later an empty folder is a volume that is not mounted."""
        if is_directory_store(self.places.store):
            return
        with self.database.read() as connection:
            if connection.execute(select(originals.c.id).limit(1)).first() is None:
                make_directory(self.places.store)

    @cached_property
    def mailer(self) -> SmtpMailer | None:
        """The mail server for notices; None where none is set, and notices are letters.

        Raises:
            ConfigurationError: there is a server and no sender.
        """
        return SmtpMailer(self.settings) if self.settings.smtp_host else None

    @cached_property
    def receipt_signer(self) -> FileSigner:
        """Signs the receipts of batches."""
        return FileSigner(self.places.keys / "receipts.key", "muniment/receipts")

    @cached_property
    def scratch(self) -> Path:
        """This process's private folder."""
        return make_scratch(self.places)

    @cached_property
    def children(self) -> Children:
        """Limited child processes, started when the first file is parsed."""
        return Children(self.settings.workers or os.cpu_count() or 1, self.settings.child_bytes, self.scratch)

    @cached_property
    def index(self) -> SearchIndex:
        """The search index."""
        if self.settings.search == "tantivy":
            from search.tantivy_index import TantivyIndex

            return TantivyIndex(self.places.index, INDEX_SECONDS)
        from infra.clients import opensearch_client
        from search.opensearch_index import OpenSearchIndex

        return OpenSearchIndex(opensearch_client(self.settings), self.settings.opensearch_alias)

    @cached_property
    def library(self) -> ClassLibrary:
        """The record classes: shipped ones, and those of the operator's folder."""
        folder = self.settings.class_folder
        return load_library([folder]) if folder else shipped_library()

    def parties(self, client: str) -> tuple[Party, ...] | None:
        """See `tasks.services.Services`; the client's file, read anew each time, goes before the database.

        Raises:
            ConfigurationError: the list cannot be read.
        """
        return self._lists.parties(client)

    def references(self, client: str) -> tuple[Reference, ...] | None:
        """See `tasks.services.Services`.

        Raises:
            ConfigurationError: the list cannot be read.
        """
        return self._lists.references(client)

    @cached_property
    def vat_register(self) -> VatRegistry | None:
        """Who is asked about EU VAT numbers; None where nobody is."""
        url = self.settings.vies_url
        return None if url is None else VatRegistry(url, self.settings.vies_requester)

    @cached_property
    def rule_service(self) -> HttpRuleService | None:
        """Who runs the rules of EN 16931 on embedded invoices; None where nobody does."""
        url = self.settings.schematron_url
        return None if url is None else HttpRuleService(url, self.settings.schematron_folder)

    @cached_property
    def _lists(self) -> ClientLists:
        """The clients' own lists."""
        return ClientLists(self.settings)

    @cached_property
    def reading(self) -> ReadingOptions:
        """How pages are read."""
        return ReadingOptions(
            tuple(self.settings.languages.split("+")), self.settings.ocr_engine, self.settings.tessdata,
            self.settings.renderer, second=self.settings.second_engine == "auto",
        )  # fmt: skip

    def reading_for(self, client: str) -> ReadingOptions:
        """Return how pages of a client are read: with its own words, read anew each time, so that a change counts.

        Raises:
            ConfigurationError: its file of words cannot be read or taken.
        """
        folder = self.settings.words_folder
        file = folder / f"{client}.txt" if folder is not None and "/" not in client else None
        if file is None or not file.exists():
            return self.reading
        words = "".join(f"{word}\n" for word in parse_client_words(read_file(file, "words_folder"))).encode()
        digest = hashlib.sha256(words).hexdigest()
        target = self.scratch / f"{digest}.words.txt"
        if not target.exists():
            part = self.scratch / f"{self.ids.new('evt')}.part"  # threads of this process may write it at once
            part.write_bytes(words)
            part.replace(target)
        return replace(self.reading, words=ClientWords(target, words.count(b"\n"), digest))

    @cached_property
    def limits(self) -> Limits:
        """Limits on untrusted input."""
        return Limits(
            file_bytes=self.settings.file_bytes,
            pages=self.settings.pages,
            page_pixels=self.settings.page_pixels,
            page_seconds=self.settings.page_seconds,
            child_bytes=self.settings.child_bytes,
        )

    @cached_property
    def signature_roots(self) -> bytes:
        """The root certificates (PEM) that signers of PDFs may lead to; empty where none are named.

        Raises:
            ConfigurationError: their file cannot be read.
        """
        path = self.settings.signature_roots
        return b"" if path is None else read_file(path, "signature_roots")

    @cached_property
    def loans(self) -> LoanPolicy:
        """The terms of loans."""
        return LoanPolicy(
            period=Period(days=self.settings.loan_days), renewals=self.settings.loan_renewals,
            ready_days=self.settings.ready_days, time_zone=self.settings.time_zone, desk=self.settings.desk,
            notice_days=self.settings.notice_days, person_days=self.settings.person_days,
        )  # fmt: skip

    def today(self) -> date:
        """Return the local date."""
        return self.clock.now().astimezone().date()

    def index_writer(self) -> AbstractContextManager[None]:
        """Hold the one place of the index writer."""
        return exclusive(self.places.run / "indexer.lock", INDEX_SECONDS, IndexUnavailableError)

    @cached_property
    def stamping(self) -> Stamping | None:
        """The time-stamping authority that the settings name.

        Raises:
            ConfigurationError: its roots are not named, or cannot be read.
        """
        if not self.settings.tsa_url:
            return None
        from infra.clients import time_authority

        authority, roots = time_authority(self.settings), self.settings.tsa_roots
        if authority is None or roots is None:
            raise ConfigurationError("tsa_url needs tsa_roots: time stamps are verified before they are believed")
        pem = read_file(roots, "tsa_roots")
        return Stamping(
            authority, Trust(read_roots(pem), self.settings.tsa_policy), pem, self.settings.tsa_qualified,
            timedelta(hours=self.settings.tsa_hours), timedelta(days=self.settings.tsa_renew_days),
        )  # fmt: skip

    @cached_property
    def ledger_policy(self) -> bytes | None:
        """The policy file of the witnesses that must cosign before an export."""
        path = self.settings.ledger_policy
        return None if path is None else read_file(path, "ledger_policy")

    @property
    def witness_wait(self) -> timedelta:
        """How long an export waits for them."""
        return timedelta(seconds=self.settings.witness_seconds)

    @cached_property
    def algorithms(self) -> Algorithms:
        """The inventory of algorithms: the shipped one, or the operator's."""
        if self.settings.algorithms is None:
            return shipped_algorithms()
        return parse_algorithms(read_file(self.settings.algorithms, "algorithms").decode("utf-8", "replace"))

    @cached_property
    def ledger_files(self) -> LedgerFiles:
        """The home of the published ledger; nothing is made before something is published."""
        if self.settings.store == "directory":
            return LedgerDirectory(self.places.ledger)
        from custody.stores.ledger_bucket import LedgerBucket
        from infra.clients import minio_keeper

        return LedgerBucket(minio_keeper(self.settings), self.settings.ledger_bucket)

    @cached_property
    def signing(self) -> SignerProcess:
        """The ledger's signer, a process of its own, started when it is first asked."""
        options = SignerOptions(self.settings.ledger_origin, self.settings.ledger_ml_dsa)
        return SignerProcess(self.places.signer, options, self.settings.crash_at)

    @property
    def ledger_lock(self) -> timedelta:
        """How long what is published for good is locked."""
        return timedelta(days=self.settings.ledger_days)

    def publisher(self) -> AbstractContextManager[None]:
        """Hold the one place of the publisher."""
        return exclusive(self.places.run / "publisher.lock", PUBLISH_SECONDS, UnavailableError)

    def close(self) -> None:
        """End children, give back leases and connections, remove the private folder."""
        self.leases.close()
        if "children" in self.__dict__:
            self.children.close()
        if "index" in self.__dict__:
            self.index.close()
        if "signing" in self.__dict__:
            self.signing.close()
        for part in ("_lists", "vat_register", "rule_service"):
            if self.__dict__.get(part) is not None:
                self.__dict__[part].close()
        self.database.close()
        if "scratch" in self.__dict__:
            remove_scratch(self.scratch)

    def _seal(self, source: Path, target: Path, recipient: str) -> Sealed:
        # a child, since the library holds the interpreter's lock for the whole call
        return self.children.run(SEAL_SECONDS, seal_file, source, target, recipient)

    def _reached(self, step: int) -> None:
        if self.settings.crash_at == step:
            sys.stderr.write(f"crash at step {step}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)


def open_services(person: str | None = None) -> Services:
    """Build the services that the settings name.

    Raises:
        ConfigurationError, UnavailableError, AccessDeniedError: nothing can be done until that is mended.
    """
    os.umask(0o077)  # whatever this process makes from here on is for its owner alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys and clear text
    settings, _ = load_settings()
    return Services(settings, person)


def os_user() -> str:
    """Return the operating-system user this process runs as."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
