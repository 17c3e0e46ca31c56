"""What a client teaches about classes: few examples suffice, what was not taught is unsure, and no word is stored."""

import json
import shutil

import pytest

from records.class_library import shipped_library
from records.class_models import read_model, tell
from records.errors import InvalidValueError, RecordClassError
from tasks.class_features import features_of
from tasks.class_learning import Example, learn
from tasks.describe import suggest_class
from tasks.layout import lay_out
from tests.corpus.drawn_documents import DOCUMENTS
from tests.corpus.drawn_pages import page

PERMIT = (
    "PERMISO DE APARCAMIENTO\nZona azul {n}\n\nTitular: {who}\nMatrícula: {n}ABC\nVálido hasta: 31/12/2026\nTasa 25"
)
NOTE = "PARTE DE AVERÍA\nEquipo número {n}\n\nTécnico: {who}\nTrabajo realizado: cambio de filtro\nHoras: {n}\nFirma"
NAMES = ("Ana Gil", "Luis Mora", "Eva Sanz", "Juan Rey", "Rosa Vidal")


def features(text):
    return features_of([lay_out(page(text))])


def example(name, text, number):
    return Example(f"{name} {number}", name, features(text.format(n=number * 17, who=NAMES[number % 5])))


EXAMPLES = [example("permit", PERMIT, n) for n in range(4)] + [example("fault_note", NOTE, n) for n in range(4)]
MODEL, MEASURED = learn(EXAMPLES, 3, "salt")


def test_four_examples_of_each_tell_further_papers():
    assert (MEASURED.right, MEASURED.wrong) == (8, 0)
    for name, text in (("permit", PERMIT), ("fault_note", NOTE)):
        told = tell(MODEL, features(text.format(n=901, who="Carmen Ruiz")))
        assert (told.best, told.sure, told.version) == (name, True, 3)
        assert name in told.words and "unsure" not in told.words


@pytest.mark.parametrize("drawn", DOCUMENTS, ids=lambda drawn: drawn.name)
def test_a_paper_of_a_class_that_was_not_taught_is_unsure(drawn):
    told = tell(MODEL, features(drawn.text))
    assert not told.sure and "unsure" in told.words


def test_an_empty_paper_is_unsure():
    assert not tell(MODEL, frozenset()).sure


def test_what_is_stored_holds_no_word_and_is_read_back_the_same():
    stored = json.dumps(MODEL.as_json())
    for word in ("permiso", "averia", "ana", "gil", "titular", "filtro"):
        assert word not in stored.lower().replace("permit", "").replace("fault_note", "")
    again = read_model(json.loads(stored))
    assert again.digest() == MODEL.digest()
    text = features(PERMIT.format(n=5, who="Ana Gil"))
    assert tell(again, text) == tell(MODEL, text)


def test_the_same_examples_make_the_same_model_in_any_order():
    assert learn(EXAMPLES[::-1], 3, "salt")[0].digest() == MODEL.digest()
    assert learn([*EXAMPLES, EXAMPLES[0]], 3, "salt")[0].digest() == MODEL.digest()
    assert learn(EXAMPLES, 3, "other")[0].digest() != MODEL.digest()


@pytest.mark.parametrize("few", [[], EXAMPLES[:4], EXAMPLES[:5]])
def test_too_few_examples_are_refused(few):
    with pytest.raises(InvalidValueError, match="two examples of each of two classes"):
        learn(few, 1, "salt")


@pytest.mark.parametrize("document", [None, [], {}, {"format": "other"}, {**MODEL.as_json(), "idf": {"a": "x"}}])
def test_another_document_is_no_model(document):
    with pytest.raises(RecordClassError):
        read_model(document)


ORDER = "PEDIDO DE MATERIAL\nNúmero {n}\n\nPide: {who}\nCantidad: {n} cajas de papel\nEntregar en almacén\nFirma"
CLASSES = [
    *(example("delivery_note", ORDER, n) for n in range(4)),
    *(Example(f"invoice {n}", "invoice", features(one.text)) for n, one in enumerate(DOCUMENTS[:2])),
]


def test_what_was_taught_decides_where_the_rules_know_no_class_and_says_so():
    taught, _ = learn(CLASSES, 1, "salt")
    paper = [page(ORDER.format(n=3, who="Carmen Ruiz"))]
    library = shipped_library()
    assert suggest_class(paper, library).record_class.name == "generic"
    found = suggest_class(paper, library, taught)
    assert (found.record_class.name, found.close) == ("delivery_note", None)
    assert found.evidence[0].startswith("taught 1: delivery_note")


def test_what_was_taught_against_the_rules_is_unsure():
    other = {"invoice": "letter", "delivery_note": "invoice"}
    swapped = [Example(one.digest, other[one.record_class], one.features) for one in CLASSES]
    taught, _ = learn(swapped, 1, "salt")
    found = suggest_class([page(DOCUMENTS[0].text)], shipped_library(), taught)
    assert found.close is not None and {found.record_class.name, found.close} == {"letter", "invoice"}


def test_a_client_is_taught_by_command_and_describing_asks_it(muniment, tmp_path, corpus):
    papers = tmp_path / "papers"
    for name, files in {"receipt": ("recibo.jpg", "receipt.webp"), "letter": ("carta.jpg", "letter.tif")}.items():
        (papers / name).mkdir(parents=True)
        for file in files[:1]:
            shutil.copy(corpus / file, papers / name)
    few = muniment("class", "learn", "--examples", papers, expect=15)
    assert "two examples" in few["error"]["message"]
    shutil.copy(corpus / "receipt.webp", papers / "receipt")
    shutil.copy(corpus / "letter.tif", papers / "letter")
    answer = muniment("class", "learn", "--examples", papers)
    assert answer["version"] == 1 and answer["event"] and len(answer["digest"]) == 64
    assert answer["classes"] == [{"class": "letter", "examples": 2}, {"class": "receipt", "examples": 2}]
    assert answer["left_out"]["documents"] == 4
    assert muniment("class", "learn", "--examples", papers)["version"] == 2
    suggested = muniment("class", "try", corpus / "carta.jpg", "letter")["suggested"]
    assert suggested["class"] == "letter" and suggested["evidence"][0].startswith("taught 2: letter")
    record = muniment("ingest", corpus / "recibo.jpg")["scans"][0]["records"][0]
    shown = muniment("record", "show", record)
    assert shown["class"] == "receipt" and shown["class_evidence"][0].startswith("taught 2: receipt")
    assert muniment("class", "learn", "--client", "nobody", "--examples", papers, expect=None)["error"]
    (papers / "no_such_class").mkdir()
    assert "no_such_class" in muniment("class", "learn", "--examples", papers, expect=15)["error"]["message"]
