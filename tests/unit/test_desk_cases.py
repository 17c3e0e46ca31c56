"""Every acceptance case of the records desk has a test that bears its number."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
# where the desk is tested; other parts number cases of their own
FILES = ("test_desk_*.py", "test_decisions.py", "test_due_dates.py", "test_calendars.py", "test_notices.py",
         "test_paper_disposal.py")  # fmt: skip
CASES = 17


@pytest.fixture(scope="module")
def named() -> set[int]:
    texts = [path.read_text(encoding="utf-8") for pattern in FILES for path in FOLDER.glob(pattern)]
    return {int(number) for text in texts for number in re.findall(r"^def test_case_(\d+)_", text, re.M)}


@pytest.mark.parametrize("case", range(1, CASES + 1))
def test_a_case_has_its_test(named: set[int], case: int) -> None:
    assert case in named
