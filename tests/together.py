"""Doing things at once."""

import threading
from collections.abc import Callable


def at_once(*acts: Callable[[], object]) -> list[BaseException]:
    """Do things in a thread each, which begin together; return what they raised."""
    raised: list[BaseException] = []
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        ready.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001  handed to the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
