"""The drawn error tree is the tree; every error survives the pickle that Prefect and child processes need."""

import inspect
import pickle
import re

import pytest

from records import errors
from records.errors import MunimentError


def _tree(cls: type[MunimentError]) -> list[type[MunimentError]]:
    return [cls, *(c for s in cls.__subclasses__() for c in _tree(s))]


@pytest.mark.parametrize("cls", _tree(MunimentError), ids=lambda c: c.__name__)
def test_survives_pickle(cls: type[MunimentError]) -> None:
    arity = 1 if cls.__init__ is Exception.__init__ else len(inspect.signature(cls).parameters)
    error = cls(*["a" * 64] * arity)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls and again.args == error.args


def test_the_drawing_is_the_tree() -> None:
    drawn = {
        name: (code, bool(retryable))
        for name, code, retryable in re.findall(r"(\w+Error)\s+(\d+)(  \(retryable\))?", errors.__doc__ or "")
    }
    assert drawn == {cls.__name__: (str(cls.exit_code), cls.retryable) for cls in _tree(MunimentError)}


@pytest.mark.parametrize("cls", _tree(MunimentError), ids=lambda c: c.__name__)
def test_says_what_to_do_next(cls: type[MunimentError]) -> None:
    assert cls.next_step.endswith(".") and cls.__doc__


def test_exit_codes_are_unique() -> None:
    codes = [cls.exit_code for cls in _tree(MunimentError)]
    assert len(codes) == len(set(codes))
