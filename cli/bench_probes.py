"""What a benchmark measures inside one installation: searching, the ledger, sealing. Run as a child on its home.

Answers with one JSON document. The home is the temporary one of `muniment bench`: events are written that mean nothing.
"""

import itertools
import json
import random
import statistics
import sys
from dataclasses import asdict
from time import perf_counter
from typing import Any

from sqlalchemy import select

from cli.bench_ledger import event_rates, verifying
from cli.bench_sealing import sealing_rates
from custody.access import clients_of
from infra.services import Services, open_services
from records.tables import records
from records.text import read_words
from search.contract import Access, Query
from tasks import indexing
from tasks.words import borrowed

SEED = 20261123
QUERIES = 200
LETTERS = 4  # of a word that is searched for, at least


def search_times(services: Services) -> dict[str, Any]:
    """Search for words of the pages just taken in, one and two at a time; return median and p95 in milliseconds."""
    words = sorted(_words(services))
    if not words:
        return {"queries": 0}
    source = random.Random(SEED)  # noqa: S311  a choice of words, not a secret
    with services.database.read() as connection:
        access = Access(frozenset(clients_of(connection, services.person, "search", services.today())))
    milliseconds, hits = [], 0
    for number in range(QUERIES):
        text = " ".join(source.choices(words, k=1 + number % 2))
        began = perf_counter()
        found = services.index.search(Query(text, access))
        milliseconds.append((perf_counter() - began) * 1000)
        hits += bool(found.total)
    p95 = sorted(milliseconds)[round(0.95 * QUERIES) - 1]
    return {"queries": QUERIES, "answered": hits, "median": statistics.median(milliseconds), "p95": p95}


def _words(services: Services) -> set[str]:
    with services.database.read() as connection:
        ids = list(connection.execute(select(records.c.id).order_by(records.c.id).limit(50)).scalars())
    with borrowed(services, ids) as words:
        pages = itertools.chain.from_iterable(read_words(words[record]) for record in ids)
        return {w.text for page in pages for w in page.words if len(w.text) >= LETTERS and w.text.isalpha()}


def main() -> int:
    """Measure what standard input asks for: {"big", "single", "many", "verified"}: bytes and numbers of events."""
    asked = json.load(sys.stdin)
    services = open_services()
    try:
        answer = {
            "index": asdict(indexing.status(services)),
            "search": search_times(services),
            "events": event_rates(services, asked["single"], asked["many"]),
            "verifying": verifying(services, asked["verified"]) if asked["verified"] else None,
            "sealing": sealing_rates(services.scratch, asked["big"]),
        }
    finally:
        services.close()
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
