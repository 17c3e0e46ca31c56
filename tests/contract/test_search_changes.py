"""What every search index must do when records change, go, or are all indexed anew."""

from datetime import date
from pathlib import Path

import pytest
from index_house import ALL, Home, found, record

from records.errors import IndexUnavailableError
from search.contract import IndexedRecord, Query, Removal, SearchIndex
from search.tantivy_index import TantivyIndex


def test_a_newer_version_replaces_all_pages(index):
    index.apply([record("rec_1", "uno", "dos", "tres", version=1)])
    index.apply([record("rec_1", "cuatro", version=2)])
    assert found(index, "uno") == found(index, "tres") == []
    assert found(index, "cuatro") == [("rec_1", 1)]
    assert list(index.contents()) == [IndexedRecord("rec_1", 2, 1)]


def test_an_older_version_never_replaces_a_newer_one(index):
    index.apply([record("rec_1", "nuevo", version=7)])
    index.apply([record("rec_1", "viejo", "más viejo", version=6)])
    assert found(index, "viejo") == []
    assert list(index.contents()) == [IndexedRecord("rec_1", 7, 1)]
    index.apply([Removal("rec_1", 6)])
    assert found(index, "nuevo") == [("rec_1", 1)]


def test_an_older_version_does_not_bring_back_what_was_removed(index):
    index.apply([record("rec_1", "uno", "dos", version=1)])
    index.apply([Removal("rec_1", 5)])
    index.apply([record("rec_1", "uno", "dos", version=4), record("rec_1", "uno", version=5)])
    assert found(index, "uno") == []
    assert list(index.contents()) == []
    index.apply([record("rec_1", "uno", version=6)])
    assert found(index, "uno") == [("rec_1", 1)]


def test_a_record_never_seen_can_be_removed_before_it_comes(index):
    index.apply([Removal("rec_1", 5)])
    index.apply([record("rec_1", "uno", version=4)])
    assert found(index, "uno") == []


def test_the_same_change_twice_is_no_error(index):
    changes = [record("rec_1", "uno", version=1), Removal("rec_2", 2)]
    index.apply(changes)
    index.apply(changes)
    assert found(index, "uno") == [("rec_1", 1)]
    assert list(index.contents()) == [IndexedRecord("rec_1", 1, 1)]


def test_changes_of_one_batch_hold_in_their_order(index):
    index.apply(
        [
            record("rec_1", "uno", version=1),
            record("rec_1", "dos", "tres", version=2),
            record("rec_1", "cuatro", version=1),
            record("rec_2", "cinco", version=1),
            Removal("rec_2", 2),
        ]
    )
    assert found(index, "dos") == [("rec_1", 1)]
    assert found(index, "uno") == found(index, "cuatro") == found(index, "cinco") == []
    assert list(index.contents()) == [IndexedRecord("rec_1", 2, 2)]


def test_no_changes_are_no_error(index):
    index.apply([])
    assert list(index.contents()) == []


def test_contents_counts_pages_and_knows_records_without_any(index):
    index.apply([record("rec_1", "uno", ""), record("rec_2", version=9), record("rec_10", "diez")])
    held = {IndexedRecord("rec_1", 1, 2), IndexedRecord("rec_2", 9, 0), IndexedRecord("rec_10", 1, 1)}
    assert set(index.contents()) == held


def test_a_record_of_many_pages_is_replaced_whole(index):
    index.apply([record("rec_1", *(["viejo"] * 1201), version=1)])
    assert index.search(Query("viejo", ALL)).total == 1201
    index.apply([record("rec_1", *(["nuevo"] * 3), version=2)])
    assert index.search(Query("viejo", ALL)).total == 0
    assert found(index, "nuevo") == [("rec_1", 1), ("rec_1", 2), ("rec_1", 3)]


def test_rebuild_replaces_everything_and_leaves_nothing_beside(index_home, index):
    reader = index_home.again()
    index.apply([record("rec_1", "viejo"), record("rec_2", "factura")])
    assert found(reader, "viejo") == [("rec_1", 1)]
    assert index.rebuild([record("rec_2", "factura", "anexo", version=3), record("rec_3")]) == 2
    assert found(reader, "viejo") == []
    assert found(reader, "factura") == [("rec_2", 1)]
    assert set(reader.contents()) == {IndexedRecord("rec_2", 3, 2), IndexedRecord("rec_3", 1, 0)}
    assert index_home.leftovers() == []
    reader.close()


def test_a_first_rebuild_needs_no_index(index_home, index):
    assert index.rebuild([record("rec_1", "uno")]) == 1
    assert found(index, "uno") == [("rec_1", 1)]
    assert index_home.leftovers() == []


def test_rebuild_keeps_in_mind_what_was_removed(index):
    index.apply([record("rec_1", "uno", version=1), Removal("rec_1", 5), Removal("rec_2", 5)])
    index.rebuild([record("rec_2", "dos", version=6)])
    index.apply([record("rec_1", "uno", version=4)])
    assert found(index, "uno") == []
    assert found(index, "dos") == [("rec_2", 1)]


def test_searches_go_on_during_a_rebuild(index_home, index):
    index.apply([record("rec_1", "viejo")])
    reader = index_home.again()
    answers = []

    def documents():
        for number in range(3):
            answers.append(found(reader, "viejo"))
            yield record(f"rec_{number + 2}", "nuevo")

    index.rebuild(documents())
    assert answers == [[("rec_1", 1)]] * 3
    assert len(found(reader, "nuevo")) == 3
    reader.close()


def test_changes_during_a_rebuild_are_refused_or_kept(index_home, index):
    index.apply([record("rec_1", "uno", version=1)])
    writer = index_home.again()
    refused = []

    def documents():
        yield record("rec_1", "uno", version=1)
        try:
            writer.apply([record("rec_1", "dos", version=2), record("rec_3", "tres"), Removal("rec_2", 9)])
        except IndexUnavailableError:
            refused.append(True)
        yield record("rec_1", "uno", "viejo", version=1)
        yield record("rec_2", "viejo", version=8)

    index.rebuild(documents())
    if refused:
        writer.apply([record("rec_1", "dos", version=2), record("rec_3", "tres"), Removal("rec_2", 9)])
    assert set(writer.contents()) == {IndexedRecord("rec_1", 2, 1), IndexedRecord("rec_3", 1, 1)}
    assert found(writer, "dos") == [("rec_1", 1)]
    assert found(writer, "viejo") == []
    writer.close()


def test_a_rebuild_that_breaks_off_leaves_the_old_index(index_home, index):
    index.apply([record("rec_1", "viejo")])

    def documents():
        yield record("rec_2", "nuevo")
        raise RuntimeError("the catalogue went away")

    with pytest.raises(RuntimeError):
        index.rebuild(documents())
    if index_home.name == "tantivy":
        assert index_home.leftovers() == []
    assert found(index, "viejo") == [("rec_1", 1)]
    assert found(index, "nuevo") == []
    index.apply([record("rec_3", "viejo")])
    assert found(index_home.again(), "viejo") == [("rec_3", 1), ("rec_1", 1)]
    assert index.rebuild([record("rec_2", "nuevo")]) == 1
    assert found(index, "viejo") == []
    assert index_home.leftovers() == []


def test_expunging_changes_no_answer(index_home, index):
    index.apply(
        [
            record("rec_1", "Factura uno", "dos", fields={"total": ["12.50"]}, date=date(2026, 1, 2), batch="bat_9"),
            record("rec_2", "Factura dos", client="cli_2", record_class="letter", state="in_review"),
            record("rec_3", "tercera"),
            record("rec_4"),
        ]
    )
    index.apply([Removal("rec_3", 2), record("rec_2", "Factura nueva", client="cli_2", version=3)])
    asked = [
        Query("factura", ALL), Query("", ALL, fields={"total": "12.5"}), Query("dos", ALL, record_class="invoice"),
        Query("nueva", ALL, client="cli_2"), Query("uno", ALL, date_from=date(2026, 1, 1)), Query("tercera", ALL),
    ]  # fmt: skip
    before = [index.search(query) for query in asked], by_record(index)
    index.expunge()
    for reader in (index, index_home.again()):
        assert ([reader.search(query) for query in asked], by_record(reader)) == before
    assert index_home.leftovers() == []
    index.apply([record("rec_3", "tercera", version=1), record("rec_5", "quinta")])  # what is older stays ignored
    assert found(index, "tercera") == [] and found(index, "quinta") == [("rec_5", 1)]


def test_expunging_leaves_nothing_of_what_was_removed(index_home, index):
    planted = record("rec_2", "zurullaplantada", fields={"name": ["plantadazurulla"]})
    index.apply([record("rec_1", "quedate"), planted, record("rec_3", "vecina")])
    index.apply([Removal("rec_2", 2), record("rec_1", "quedate", version=2)])
    assert found(index, "zurullaplantada") == []
    assert (
        deleted_documents(index_home) > 0 if index_home.client else b"zurulla" in raw(index_home)
    )  # hidden, and still there
    index.expunge()
    assert deleted_documents(index_home) == 0 if index_home.client else b"zurulla" not in raw(index_home)
    assert found(index, "quedate") == [("rec_1", 1)] and found(index, "vecina") == [("rec_3", 1)]


def test_expunging_nothing_is_no_error(index_home, index):
    index.expunge()
    assert found(index, "nada") == []


def by_record(index: SearchIndex) -> list[IndexedRecord]:
    return sorted(index.contents(), key=lambda held: held.record)


def raw(index_home: Home) -> bytes:
    return b"".join(path.read_bytes() for path in Path(index_home.arguments[0]).rglob("*") if path.is_file())


def deleted_documents(index_home: Home) -> int:
    index_home.client.indices.flush(index=index_home.alias)
    return int(index_home.client.indices.stats(index=index_home.alias)["_all"]["primaries"]["docs"]["deleted"])


def test_an_embedded_index_that_stored_less_is_not_expunged(tmp_path, monkeypatch):
    from search import tantivy_documents

    index = TantivyIndex(tmp_path / "index", 1)
    monkeypatch.setattr(tantivy_documents, "record_facts", lambda _: '{"client": "c", "class": "x", "fields": {}}')
    index.apply([record("rec_1", "uno")])
    with pytest.raises(IndexUnavailableError, match="index rebuild"):
        index.expunge()
    assert found(index, "uno") == [("rec_1", 1)]
    assert len([path for path in (tmp_path / "index").iterdir() if path.is_dir()]) == 1


@pytest.mark.parametrize("damage", ["CURRENT", "meta.json"])
def test_a_damaged_embedded_index_says_so_and_is_rebuilt(tmp_path, damage):
    folder = tmp_path / "index"
    TantivyIndex(folder, 1).apply([record("rec_1", "uno")])
    (folder / damage if damage == "CURRENT" else folder / "g000001" / damage).write_text("?")
    index = TantivyIndex(folder, 1)
    with pytest.raises(IndexUnavailableError):
        index.search(Query("uno", ALL))
    assert index.rebuild([record("rec_1", "uno")]) == 1
    assert found(index, "uno") == [("rec_1", 1)]
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_the_embedded_index_is_private_to_its_owner(tmp_path):
    TantivyIndex(tmp_path / "index", 1).apply([record("rec_1", "uno")])
    assert (tmp_path / "index").stat().st_mode & 0o077 == 0
