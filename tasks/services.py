"""What the steps need from outside: built by infra, given to every step (design, section 3; STYLE section 7)."""

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from custody.access import Person
from custody.algorithms import Algorithms
from custody.ledger import Actor
from custody.publishing import Signing
from custody.stores.ledger_files import LedgerFiles
from custody.timestamps import Stamping
from custody.vault import Vault
from records.class_library import ClassLibrary
from records.database import Database
from records.ids import Clock, Ids
from records.leases import LeaseBook
from records.loan_policy import LoanPolicy
from records.options import Limits, ReadingOptions
from records.parties import Party
from records.places import Places
from records.references import Reference
from records.rule_answers import RuleService
from records.vat_answers import VatRegister
from search.contract import SearchIndex
from tasks.bounded import ChildPool

SYSTEM = Actor("system", "system", "system")


class Services(Protocol):
    """Everything a step needs; what is dear to open is opened at first use."""

    @property
    def database(self) -> Database:
        """The catalogue."""
        ...

    @property
    def vault(self) -> Vault:
        """The custody side: store, key ring, sealing."""
        ...

    @property
    def leases(self) -> LeaseBook:
        """The leases this process holds."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def ids(self) -> Ids:
        """Who makes ids."""
        ...

    @property
    def children(self) -> ChildPool:
        """Limited child processes for untrusted bytes."""
        ...

    @property
    def index(self) -> SearchIndex:
        """The search index."""
        ...

    @property
    def library(self) -> ClassLibrary:
        """The record classes."""
        ...

    def parties(self, client: str) -> tuple[Party, ...] | None:
        """The known parties of a client, by its name; none of them: there is no list; None: it could not be asked."""
        ...

    def references(self, client: str) -> tuple[Reference, ...] | None:
        """The orders, contracts and deliveries that a client's papers may refer to, as `parties` does."""
        ...

    @property
    def vat_register(self) -> VatRegister | None:
        """Who is asked about EU VAT numbers; None where nobody is."""
        ...

    @property
    def rule_service(self) -> RuleService | None:
        """Who runs the rules of EN 16931 on embedded invoices; None where nobody does."""
        ...

    @property
    def places(self) -> Places:
        """Folders of this installation."""
        ...

    @property
    def scratch(self) -> Path:
        """This process's own private folder for clear working files; swept when the process is dead."""
        ...

    @property
    def reading(self) -> ReadingOptions:
        """How pages are read."""
        ...

    def reading_for(self, client: str) -> ReadingOptions:
        """How pages of a client are read, by its name: with its own words, where it has some."""
        ...

    @property
    def limits(self) -> Limits:
        """Limits on untrusted input."""
        ...

    @property
    def signature_roots(self) -> bytes:
        """Root certificates (PEM) that signers of PDFs may lead to; empty where none are named."""
        ...

    @property
    def loans(self) -> LoanPolicy:
        """The terms of loans."""
        ...

    @property
    def person(self) -> Person:
        """Who gave the command."""
        ...

    def index_writer(self) -> AbstractContextManager[None]:
        """Hold the one place of the index writer of this installation.

        Raises:
            IndexUnavailableError: another process holds it for longer than is waited.
        """
        ...

    @property
    def stamping(self) -> Stamping | None:
        """The time-stamping authority and how it is asked; None where none is named."""
        ...

    @property
    def ledger_policy(self) -> bytes | None:
        """The policy file of the witnesses that must cosign before an export; None where nobody must."""
        ...

    @property
    def witness_wait(self) -> timedelta:
        """How long an export waits for them."""
        ...

    @property
    def algorithms(self) -> Algorithms:
        """The inventory of algorithms that evidence rests on."""
        ...

    @property
    def ledger_files(self) -> LedgerFiles:
        """The home of the published ledger."""
        ...

    @property
    def signing(self) -> Signing:
        """Who signs the ledger's checkpoints."""
        ...

    @property
    def ledger_lock(self) -> timedelta:
        """How long what is published for good is locked, where the home locks."""
        ...

    def publisher(self) -> AbstractContextManager[None]:
        """Hold the one place of the publisher of this installation.

        Raises:
            UnavailableError: another process holds it for longer than is waited.
        """
        ...
