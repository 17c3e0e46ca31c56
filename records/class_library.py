"""Record classes: what kinds of record there are, what speaks for each, and which fields each has.

A class is a TOML file; its keys are documented by example in docs/record-classes.md, and a test holds that page
against the tables of keys below. Reading is strict: an unknown key, a wrong type or a pattern that does not compile
is an error that names file and key. Extraction is driven by these files alone; code names no vendor and no value.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast, get_args

from records.arithmetic import Equation, parse_equation
from records.class_keys import CHECKS, CLASS_KEYS, FIELD_KEYS, LANGUAGES, NORMALISERS
from records.class_tables import DUPLICATE_KEYS, PAIR_KEYS, TAX_TABLE_KEYS, DuplicateKey, PairNames, TaxTable
from records.errors import RecordClassError
from records.export_mapping import DATES, DECIMALS, DELIMITERS, EXPORT_KEYS, HEAD, ROWS, ExportMapping
from records.fields import FieldType
from records.mrz import ZONE_FIELDS
from records.normalise import fold

Where = Literal["right", "below", "same-line", "top", "bottom", "dateline"]
Cardinality = Literal["one", "lines"]
Risk = Literal["high", "medium", "low"]
Pick = Literal["first", "last", "largest", "any"]
Party = Literal["issuer", "recipient"]
Keying = Literal["single", "double", "double-if-unsure"]
Phrases = Mapping[str, float]

GENERIC = "generic"

_DEFAULT_NORMALISER: dict[str, str] = {"tax_id": "tax-id"}
_DEFAULT_WHERE: tuple[Where, ...] = ("right", "below")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """How one field is found, read, checked, and when it is taken without a person.

    `anchors` and `unless` map folded phrases to weights 0..1; `choices` maps folded phrases to values.
    """

    name: str
    type: FieldType
    cardinality: Cardinality = "one"
    anchors: Phrases = field(default_factory=dict)
    patterns: tuple[re.Pattern[str], ...] = ()
    where: tuple[Where, ...] = _DEFAULT_WHERE
    normalise: str = "text"
    checks: tuple[str, ...] = ()
    required: bool = False
    threshold: float = 0.85
    risk: Risk = "medium"
    pick: Pick = "any"
    party: Party | None = None
    of: str | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    unknown_ok: tuple[str, ...] = ()
    evidence: bool = False
    unless: Phrases = field(default_factory=dict)
    mrz: str | None = None  # what of the machine readable zone this field is
    keying: Keying = "single"  # `double`: two people key it blind


@dataclass(frozen=True, slots=True)
class RecordClass:
    """One class: its names for people, the words that speak for and against it, its fields and its sums."""

    name: str
    version: str
    title: Mapping[str, str]
    words: Phrases
    against: Phrases
    labels: Phrases
    equations: tuple[Equation, ...]
    fields: tuple[FieldSpec, ...]
    tax_table: TaxTable | None = None
    duplicate_key: DuplicateKey | None = None
    export: ExportMapping | None = None
    pairs: PairNames | None = None
    approval_limits: tuple[Decimal, ...] = ()

    def spec(self, name: str) -> FieldSpec | None:
        """Return the field of this name, or None."""
        return next((spec for spec in self.fields if spec.name == name), None)


@dataclass(frozen=True, slots=True)
class ClassLibrary:
    """All classes by name; there is always `generic`, for what is none of the others."""

    classes: Mapping[str, RecordClass]

    def get(self, name: str) -> RecordClass:
        """Return a class by name.

        Raises:
            RecordClassError: there is none; the message lists those there are.
        """
        try:
            return self.classes[name]
        except KeyError:
            raise RecordClassError(f"no class {name!r}; there are: {', '.join(sorted(self.classes))}") from None


class _Reader:
    """Reads the keys of one TOML table and says file and key where something is wrong."""

    def __init__(self, source: str, place: str, table: Any, known: Iterable[str]) -> None:
        self.source, self.place = source, place
        if not isinstance(table, dict):
            raise self.wrong("", "must be a table")
        self.table: dict[str, Any] = table
        for key in table:
            if key not in known:
                raise self.wrong(key, "is not a known key")

    def wrong(self, key: str, problem: str) -> RecordClassError:
        place = ".".join(part for part in (self.place, key) if part)
        return RecordClassError(f"{self.source}: {place}: {problem}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.table.get(key, default)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be a text" if key in self.table else "is missing")
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise self.wrong(key, f"must be one of {', '.join(allowed)}")
        return value

    def texts(self, key: str, allowed: Sequence[str] | None = None) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(key, "must be a list of texts")
        for item in value:
            if allowed is not None and item not in allowed:
                raise self.wrong(key, f"{item!r} must be one of {', '.join(allowed)}")
        return tuple(value)

    def numbers(self, key: str, most: int = 100) -> tuple[Decimal, ...]:
        value = self.table.get(key, [])
        good = isinstance(value, list) and all(
            isinstance(item, int | float) and not isinstance(item, bool) and 0 <= item <= most for item in value
        )
        if not good:
            raise self.wrong(key, f"must be a list of numbers from 0 to {most}")
        return tuple(Decimal(str(item)) for item in value)

    def truth(self, key: str) -> bool:
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def share(self, key: str, default: float) -> float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.wrong(key, "must be a number from 0 to 1")
        return float(value)

    def phrases(self, key: str, most: float) -> dict[str, float]:
        """Read a table language -> (list of phrases, or phrase -> weight) as folded phrase -> weight."""
        table = _Reader(self.source, f"{self.place}.{key}".strip("."), self.table.get(key, {}), LANGUAGES)
        found: dict[str, float] = {}
        for language, value in table.table.items():
            pairs = {phrase: 1.0 for phrase in value} if isinstance(value, list) else value
            if not isinstance(pairs, dict):
                raise table.wrong(language, "must be a list of phrases or a table of weights")
            for phrase, weight in pairs.items():
                right = isinstance(weight, int | float) and not isinstance(weight, bool) and 0 < weight <= most
                if not isinstance(phrase, str) or not phrase.strip() or not right:
                    raise table.wrong(f"{language}.{phrase}", f"must be a weight above 0 and up to {most:g}")
                folded = fold(phrase.strip())
                found[folded] = max(found.get(folded, 0.0), float(weight))
        return found

    def choices(self, key: str) -> dict[str, str]:
        table = self.table.get(key, {})
        if not isinstance(table, dict):
            raise self.wrong(key, "must be a table value -> list of phrases")
        found: dict[str, str] = {}
        for value, phrases in table.items():
            if not isinstance(phrases, list) or not all(isinstance(phrase, str) and phrase for phrase in phrases):
                raise self.wrong(f"{key}.{value}", "must be a list of phrases")
            found.update({fold(phrase): value for phrase in phrases})
        return found

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...]:
        found = []
        for text in self.texts(key):
            try:
                found.append(re.compile(text))
            except re.error as error:
                raise self.wrong(key, f"does not compile: {error.msg}") from error
        return tuple(found)

    def equations(self, key: str) -> tuple[Equation, ...]:
        found = []
        for text in self.texts(key):
            try:
                found.append(parse_equation(text))
            except ValueError as error:
                raise self.wrong(key, str(error)) from error
        return tuple(found)


def parse_class(data: bytes, source: str) -> RecordClass:
    """Parse one class file; `source` is its name for messages.

    Raises:
        RecordClassError: it is not TOML, or a key in it is unknown, missing or wrong; file and key are named.
    """
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecordClassError(f"{source}: not valid TOML: {error}") from error
    reader = _Reader(source, "", table, CLASS_KEYS)
    name = reader.text("name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise reader.wrong("name", "must be lower-case letters, digits and underscores")
    titles = _Reader(source, "title", table.get("title"), LANGUAGES)
    rows = table.get("field", [])
    if not isinstance(rows, list):
        raise reader.wrong("field", "must be a list of tables")
    found = RecordClass(
        name=name,
        version=reader.text("version"),
        title={language: titles.text(language) for language in {"es", "en", *titles.table}},
        words=reader.phrases("words", 10),
        against=reader.phrases("against", 10),
        labels=reader.phrases("labels", 1),
        equations=reader.equations("equations"),
        fields=tuple(_parse_field(row, source, number) for number, row in enumerate(rows, 1)),
        tax_table=_parse_tax_table(table, source),
        duplicate_key=_parse_duplicate_key(table, source),
        export=_parse_export(table, source),
        approval_limits=reader.numbers("approval_limits", 10**12),
        pairs=_parse_pairs(table, source),
    )
    _check_references(found, reader)
    return found


def _parse_field(row: Any, source: str, number: int) -> FieldSpec:
    label = row.get("name", number) if isinstance(row, dict) else number
    reader = _Reader(source, f"field {label}", row, FIELD_KEYS)
    name = reader.text("name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise reader.wrong("name", "must be lower-case letters, digits and underscores")
    kind = reader.choice("type", get_args(FieldType))
    party = reader.table.get("party")
    return FieldSpec(
        name=name,
        type=cast(FieldType, kind),
        cardinality=cast(Cardinality, reader.choice("cardinality", get_args(Cardinality), "one")),
        anchors=reader.phrases("anchors", 1),
        patterns=reader.patterns("patterns"),
        where=cast("tuple[Where, ...]", reader.texts("where", get_args(Where))) or _DEFAULT_WHERE,
        normalise=reader.choice("normalise", NORMALISERS, _DEFAULT_NORMALISER.get(kind, kind)),
        checks=reader.texts("checks", CHECKS),
        required=reader.truth("required"),
        threshold=reader.share("threshold", 0.85),
        risk=cast(Risk, reader.choice("risk", get_args(Risk), "medium")),
        pick=cast(Pick, reader.choice("pick", get_args(Pick), "any")),
        party=cast(Party, reader.choice("party", get_args(Party))) if party is not None else None,
        of=reader.text("of") if "of" in reader.table else None,
        choices=reader.choices("choices"),
        unknown_ok=reader.texts("unknown_ok", CHECKS),
        evidence=reader.truth("evidence"),
        unless=reader.phrases("unless", 1),
        mrz=reader.choice("mrz", ZONE_FIELDS) if "mrz" in reader.table else None,
        keying=cast(Keying, reader.choice("keying", get_args(Keying), "single")),
    )


def _parse_duplicate_key(table: dict[str, Any], source: str) -> DuplicateKey | None:
    if "duplicate_key" not in table:
        return None
    reader = _Reader(source, "duplicate_key", table["duplicate_key"], DUPLICATE_KEYS)
    others = {key: reader.text(key) for key in ("iban", "party") if key in reader.table}
    return DuplicateKey(*(reader.text(key) for key in ("issuer", "number", "date", "total")), **others)


def _parse_pairs(table: dict[str, Any], source: str) -> PairNames | None:
    if "pairs" not in table:
        return None
    reader = _Reader(source, "pairs", table["pairs"], PAIR_KEYS)
    return PairNames(*(reader.text(key) for key in PAIR_KEYS))


def _parse_export(table: dict[str, Any], source: str) -> ExportMapping | None:
    if "export" not in table:
        return None
    reader = _Reader(source, "export", table["export"], EXPORT_KEYS)
    pairs = [column.rpartition(" = ") for column in reader.texts("columns")]
    if not pairs or not all(heading.strip() and name.strip() for heading, _, name in pairs):
        raise reader.wrong("columns", "must be a list of 'HEADING = FIELD'")
    return ExportMapping(
        tuple((heading.strip(), name.strip()) for heading, _, name in pairs),
        reader.choice("delimiter", DELIMITERS, ","), reader.choice("decimal", DECIMALS, "."),
        reader.choice("dates", tuple(DATES), "YYYY-MM-DD"), reader.choice("rows", ROWS, "record"),
    )  # fmt: skip


def _parse_tax_table(table: dict[str, Any], source: str) -> TaxTable | None:
    if "tax_table" not in table:
        return None
    reader = _Reader(source, "tax_table", table["tax_table"], TAX_TABLE_KEYS)
    withheld, surcharge = (reader.text(key) if key in reader.table else None for key in ("withheld", "surcharge"))
    base, tax, total = (reader.text(key) for key in ("base", "tax", "total"))
    rates, surcharge_rates = reader.numbers("rates"), reader.numbers("surcharge_rates")
    return TaxTable(base, tax, total, withheld, rates, surcharge, surcharge_rates)


def _check_references(record_class: RecordClass, reader: _Reader) -> None:
    """Refuse doubled fields, and names of fields that the class does not have."""
    names = [spec.name for spec in record_class.fields]
    for name in names:
        if names.count(name) > 1:
            raise reader.wrong(f"field {name}", "is there twice")
    for spec in record_class.fields:
        if spec.of is not None and spec.of not in names:
            raise reader.wrong(f"field {spec.name}.of", "names no field of this class")
        if "addressee" in spec.checks and (spec.type != "tax_id" or spec.of is None):
            raise reader.wrong(f"field {spec.name}.checks", "'addressee' is for a tax id that names its owner in 'of'")
        if spec.keying != "single" and (spec.evidence or spec.cardinality == "lines"):
            raise reader.wrong(f"field {spec.name}.keying", "is for fields of the record that are not repeated")
    for equation in record_class.equations:
        for name in equation.fields:
            if name not in names:
                raise reader.wrong("equations", f"{name!r} names no field of this class")
    _check_tables(record_class, reader)


def _check_tables(record_class: RecordClass, reader: _Reader) -> None:
    """Refuse names of fields in the class's tables that the class does not have."""
    for name in record_class.duplicate_key.fields if record_class.duplicate_key is not None else ():
        if record_class.spec(name) is None:
            raise reader.wrong("duplicate_key", f"{name!r} names no field of this class")
    for _, name in record_class.export.columns if record_class.export is not None else ():
        if name not in HEAD and record_class.spec(name.removesuffix("_currency")) is None:
            raise reader.wrong("export.columns", f"{name!r} names no field of this class")
    for name in (record_class.pairs.label, record_class.pairs.value) if record_class.pairs is not None else ():
        spec = record_class.spec(name)
        if spec is None or spec.cardinality != "lines":
            raise reader.wrong("pairs", f"{name!r} names no repeated field of this class")
    for name in record_class.tax_table.fields if record_class.tax_table is not None else ():
        amount = record_class.spec(name)
        if amount is None or amount.type != "money":
            raise reader.wrong("tax_table", f"{name!r} names no amount of this class")


def load_library(folders: Sequence[Path]) -> ClassLibrary:
    """Load every `*.toml` of `folders`, on top of the shipped classes; a later file replaces a class of its name.

    Raises:
        RecordClassError: a folder or file cannot be read, or a file does not hold; file and key are named.
    """
    classes = dict(shipped_library().classes)
    for folder in folders:
        if not folder.is_dir():
            raise RecordClassError(f"{folder.name}: is not a folder of class files")
        for path in sorted(folder.glob("*.toml")):
            try:
                data = path.read_bytes()
            except OSError as error:
                raise RecordClassError(f"{path.name}: cannot be read") from error
            found = parse_class(data, path.name)
            classes[found.name] = found
    return ClassLibrary(classes)


def shipped_library() -> ClassLibrary:
    """Return the classes that come with the application (records/classes/*.toml)."""
    found = {}
    for entry in sorted(resources.files("records").joinpath("classes").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            record_class = parse_class(entry.read_bytes(), entry.name)
            found[record_class.name] = record_class
    return ClassLibrary(found)
