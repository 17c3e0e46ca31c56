"""The services a flow works with: those that `muniment up` has given to its process, or fresh ones of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.services import Services, open_services

_given: list[Services] = []


def give(services: Services) -> None:
    """Let every flow of this process work with these services; their giver closes them."""
    _given[:] = [services]


@contextmanager
def services_of_run() -> Iterator[Services]:
    """Yield the services of this process, or open them for one run: a worker's run is a process of its own."""
    if _given:
        yield _given[0]
        return
    services = open_services()
    try:
        yield services
    finally:
        services.close()
