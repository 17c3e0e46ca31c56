"""Every acceptance case of data verification has a test that bears its number."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# where data is verified; other parts number cases of their own
FILES = (
    "unit/test_verification_rules.py", "unit/test_relations.py", "unit/test_embedded_invoice.py", "unit/test_vies.py",
    "unit/test_rule_service.py", "unit/test_en16931.py", "unit/test_extract.py", "unit/test_tax_table.py",
    "unit/test_zones.py", "unit/test_recheck.py", "contract/test_keying.py", "contract/test_two_people.py",
)  # fmt: skip
CASES = 30


@pytest.fixture(scope="module")
def named() -> set[int]:
    texts = [(TESTS / name).read_text(encoding="utf-8") for name in FILES]
    numbers = [re.findall(r"^def test_case_(\d+)_(?:and_(\d+)_)?", text, re.M) for text in texts]
    return {int(number) for found in numbers for pair in found for number in pair if number}


@pytest.mark.parametrize("case", range(1, CASES + 1))
def test_a_case_has_its_test(named: set[int], case: int) -> None:
    assert case in named
