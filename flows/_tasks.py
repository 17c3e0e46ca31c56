"""The only place that wraps a step as a Prefect task: names, retries by the kind of error, no caching.

| error (records/errors.py)                    | tried again here             | then                                  |
|----------------------------------------------|------------------------------|---------------------------------------|
| UnavailableError and below                   | 3 times, backoff and jitter  | the row waits with its reason         |
| InputError, CustodyError, everything else    | never                        | refused, alarmed, or left to a person |

Prefect keeps parameters, exception texts and tracebacks in clear: ids go in, and what comes out is an error of the
tree without what lies behind it (`discreet`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import PrefectException
from prefect.tasks import exponential_backoff

from records.errors import MunimentError
from tasks.pipeline import PLAIN, Steps

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = 3
BACKOFF_SECONDS = 0.5  # doubled each time, with jitter of the same size


def retryable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether an error may go away by itself."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, MunimentError) and error.retryable


@contextmanager
def discreet() -> Iterator[None]:
    """Let only errors of the tree out, without their causes: texts of other errors may quote documents or names."""
    try:
        yield
    except MunimentError as error:
        error.__cause__ = error.__context__ = None
        raise
    except (httpx.HTTPError, PrefectException):
        raise  # orchestration's own: it has seen ids only
    except Exception as error:  # noqa: BLE001 - the boundary to a database that keeps texts in clear
        raise MunimentError(f"unexpected {type(error).__name__}") from None


def as_task(step: Callable[P, R], name: str) -> Task[P, R]:
    """Return a step as a task of this name."""

    @wraps(step)
    def discreetly(*args: P.args, **kwargs: P.kwargs) -> R:
        with discreet():
            return step(*args, **kwargs)

    return task(
        name=name,
        cache_policy=NO_CACHE,
        retries=RETRIES,
        retry_delay_seconds=exponential_backoff(backoff_factor=BACKOFF_SECONDS),
        retry_jitter_factor=1,
        retry_condition_fn=retryable,
    )(discreetly)


STEPS = Steps(
    accession=as_task(PLAIN.accession, "accession"),
    read=as_task(PLAIN.read, "read"),
    describe=as_task(PLAIN.describe, "describe"),
    index=as_task(PLAIN.index, "index"),
)
