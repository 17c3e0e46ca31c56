import re
from pathlib import Path

import pytest

from records.class_keys import CLASS_KEYS, FIELD_KEYS
from records.class_library import load_library, parse_class, shipped_library
from records.errors import RecordClassError
from records.review_codes import CODE_OF_CHECK, REVIEW_CODES

DOCS = Path(__file__).parents[2] / "docs" / "record-classes.md"

# The command line's contract: names of the fields of shipped classes.
CONTRACT = {
    "invoice": "number date due_date supplier supplier_tax_id customer customer_tax_id net tax_rate tax withholding "
    "total currency iban order_number line_description line_quantity line_unit_price line_total",
    "receipt": "company date time total tax tax_id number currency payment_method",
    "contract": "parties date reference end_date amount",
    "letter": "date sender addressee subject reference",
    "identity": "document_type number surname given_names birth_date expiry_date nationality sex issuer",
    "payslip": "employer employer_tax_id employee employee_tax_id period gross net social_security_number",
    "delivery_note": "number date supplier customer order_number",
    "personnel": "date reference title",
    "claim": "date reference title",
    "bank_certificate": "date reference title",
    "generic": "date reference title",
}

LEAST = b'name = "memo"\nversion = "1"\n[title]\nes = "Nota"\nen = "Memo"\n'
FIELD = b'[[field]]\nname = "date"\ntype = "date"\n'


@pytest.mark.parametrize("name", CONTRACT)
def test_shipped_classes_have_the_fields_of_the_contract(name):
    record_class = shipped_library().get(name)
    fields = {spec.name for spec in record_class.fields if not spec.evidence}
    assert set(CONTRACT[name].split()) <= fields
    assert record_class.title["es"] and record_class.title["en"]


def test_every_shipped_class_is_in_the_contract():
    assert set(shipped_library().classes) == set(CONTRACT)


def test_the_least_class_file_is_taken():
    found = parse_class(LEAST + FIELD, "memo.toml")
    assert (found.name, found.version, found.fields[0].name) == ("memo", "1", "date")
    assert found.fields[0].where == ("right", "below")


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"name = ", "TOML"),
        (b"\xff\xfe", "TOML"),
        (b"", "name: is missing"),
        (LEAST.replace(b'"1"', b"1"), "version"),
        (LEAST.replace(b'"memo"', b'"Me mo"'), "name"),
        (LEAST.replace(b'en = "Memo"\n', b""), "title.en: is missing"),
        (LEAST + b'xx = "?"\n', "title.xx"),
        (b"colour = 1\n" + LEAST, "colour: is not a known key"),
        (LEAST + b'[words]\nes = { "nota" = 0 }\n', "words.es.nota"),
        (LEAST + b'[words]\nes = { "nota" = 99 }\n', "words.es.nota"),
        (LEAST + b'[words]\nes = "nota"\n', "words.es"),
        (b'equations = ["net = gross"]\n' + LEAST + FIELD, "'net' names no field"),
        (b'equations = ["net gross"]\n' + LEAST + FIELD, "equations"),
        (LEAST + b'[[field]]\ntype = "date"\n', "field 1.name"),
        (LEAST + FIELD.replace(b'"date"\ntype', b'"Date"\ntype'), "field Date.name"),
        (LEAST + FIELD.replace(b'type = "date"', b'type = "day"'), "field date.type"),
        (LEAST + FIELD + b"shade = 1\n", "field date.shade"),
        (LEAST + FIELD + b'required = "yes"\n', "field date.required"),
        (LEAST + FIELD + b"threshold = 2\n", "field date.threshold"),
        (LEAST + FIELD + b"threshold = true\n", "field date.threshold"),
        (LEAST + FIELD + b'where = ["left"]\n', "field date.where"),
        (LEAST + FIELD + b'checks = ["luck"]\n', "field date.checks"),
        (LEAST + FIELD + b'patterns = ["(["]\n', "field date.patterns: does not compile"),
        (LEAST + FIELD + b'patterns = "x"\n', "field date.patterns"),
        (LEAST + FIELD + b'normalise = "magic"\n', "field date.normalise"),
        (LEAST + FIELD + b'party = "witness"\n', "field date.party"),
        (LEAST + FIELD + b'of = "total"\n', "field date.of"),
        (LEAST + FIELD + b"anchors = { es = [1] }\n", "field date.anchors"),
        (LEAST + FIELD + b"choices = { a = 1 }\n", "field date.choices.a"),
        (LEAST + FIELD + b'keying = "thrice"\n', "field date.keying"),
        (LEAST + FIELD + b'keying = "double"\ncardinality = "lines"\n', "field date.keying"),
        (LEAST + FIELD + b'keying = "double"\nevidence = true\n', "field date.keying"),
        (b'pairs = { label = "date" }\n' + LEAST + FIELD, "pairs.value"),
        (b'pairs = { label = "date", value = "date" }\n' + LEAST + FIELD, "pairs: 'date' names no repeated field"),
        (LEAST + FIELD + FIELD, "field date: is there twice"),
        (LEAST + b"field = 3\n", "title.field"),
        (b"field = 3\n" + LEAST, "field: must be a list"),
    ],
)
def test_a_wrong_class_file_is_refused_with_its_name_and_key(data, place):
    with pytest.raises(RecordClassError) as error:
        parse_class(data, "memo.toml")
    assert str(error.value).startswith("memo.toml: ")
    assert place in str(error.value)


def test_own_classes_are_added_and_replace_shipped_ones(tmp_path):
    (tmp_path / "memo.toml").write_bytes(LEAST)
    (tmp_path / "letter.toml").write_bytes(LEAST.replace(b'"memo"', b'"letter"').replace(b'"1"', b'"own-1"'))
    library = load_library([tmp_path])
    assert library.get("memo").fields == ()
    assert library.get("letter").version == "own-1"
    assert "invoice" in library.classes


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecordClassError, match="nowhere"):
        load_library([tmp_path / "nowhere"])


def test_an_unknown_class_is_said_with_those_there_are():
    with pytest.raises(RecordClassError, match="invoice"):
        shipped_library().get("invoices")


def _table_keys(heading: str) -> set[str]:
    """Return the names in the first column of the table under a heading of the page."""
    section = DOCS.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z0-9_-]+)`", section, re.MULTILINE))


def test_the_page_documents_every_key_and_no_other():
    assert _table_keys("Keys of a class") == set(CLASS_KEYS)
    assert _table_keys("Keys of a field") == set(FIELD_KEYS)


def test_the_page_documents_every_review_code_and_no_other():
    assert _table_keys("Reasons for review") == set(REVIEW_CODES)
    assert set(CODE_OF_CHECK.values()) <= set(REVIEW_CODES)


def test_the_example_on_the_page_is_a_class_file():
    example = re.search(r"```toml\n(.+?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    found = parse_class(example[1].encode(), "example.toml")
    assert len(found.fields) >= 3
