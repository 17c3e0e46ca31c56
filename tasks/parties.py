"""Find who issued a document and to whom: names and tax ids, by labels, blocks and places on the page.

A block is a column of lines that stand under each other without a wide gap. What stands in the recipient's block
belongs to the recipient; the issuer is whoever a label names, else the name at the head of the page that best
carries the marks of an issuer: a legal form, large letters, a tax id under it. An identifier decides, a name
confirms (reference of data verification, section 7).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from records.class_library import FieldSpec, Party
from records.normalise import Reading, clean_text, find_dates, find_money, fold
from records.validation import is_tax_id
from tasks.anchors import Hit
from tasks.candidates import FIRM, Candidate, from_reading
from tasks.layout import Cell, PageLayout, Row
from tasks.lexicon import mend
from tasks.printed_tax_ids import loose_tax_ids

BLOCK_ROWS = 9
BLOCK_GAP = 2.3  # letter heights without a line end a block
UNCONFIRMED_NAME = 0.9  # of a name read from print that stands nowhere else on the page
WIDE_GAP = 6.0  # letter heights between a label and what stands beside it, from which that may be another column
PARTIES_SHARE = 0.6  # of the page's height, where the parties stand
STACK_GAP, STACK_INDENT = 1.6, 2.0  # letter heights between lines of one block, and between their left edges
LARGER = 1.2  # letters of a name this much larger are an issuer's
HEAD_SHARE = 0.42  # of the page's height, where an issuer's name may stand without a label

LEGAL_FORM = re.compile(
    r"(?:(?<![a-z])(?:s\.?\s?l\.?\s?[upnl]?\.?|s\.?\s?a\.?\s?[ul]?\.?|s\.?c\.?p\.?|c\.?b\.?"
    r"|s\.?\s?l\.?\s?l\.?\s?p?\.?|s\.?\s?coop\.?(?:\s?\w{1,3}\.?)?|slne|aie|ute|sociedad limitada|sociedad anonima"
    r"|gmbh(?: & co\.? kg)?|ag|(?<!\d)(?<!\d )kg|ohg|ltd|limited|llc|inc|plc|corp|corporation|company|b\.?v\.?|n\.?v\.?"
    r"|sarl|sas|srl|s\.?p\.?a\.?|lda|s[dao0][nm]\.? ?[b8]h[do0]|[b8]hd|s/b|pvt\.? ltd|pty ltd|enterprise|trading)"
    r"|sdn\.?bhd)[.,]?(?=$|[\s(),-])"  # the last is often read without a gap before it
)
_ADDRESS = re.compile(
    r"(?<![a-z])(?:c/|calle|avda|avenida|av\.|plaza|pza|paseo|po|ctra|carretera|camino|ronda|poligono|pol\. ind|urb"
    r"|apartado|edificio|local|planta|piso|bajo|nave|street|st\.?$|road|rd\.?$|avenue|lane|drive|suite|floor|lot"
    r"|jalan|jln|taman|block|strasse|stra(?:b|ss)e|rue|p\.?o\.? box)(?![a-z])|\b\d{5}\b|\b\d{4}\s?[a-z]{2}\b"
)
_CONTACT = re.compile(
    r"@|www\.|https?:|\.(?:com|es|net|org|nl|de|fr)\b|\btel(?:efonos?|f)?\b|\bfax\b|\bphone\b|\btlf|\+\d{2}"
    r"|(?<!\d)\d{3}[ .]?\d{3}[ .]?\d{3}(?!\d)"
)
_NOT_NAMES = re.compile(
    r"^(?:factura(?: simplificada| rectificativa| proforma)?|(?:tax |vat |simplified |cash |sales )*invoice"
    r"|(?:official |cash |sales |payment |customer |store )*(?:receipt|bill|copy|check|slip)|guest check|order|reprint"
    r"|cash sales?|re-?print(?:ed)?|(?:merchant|customer|kunden|kopie|haendler)-?(?:copy|beleg)|kassenbon|kassenzettel"
    r"|quittung|beleg|ticket|tique(?:t)?(?: de compra)?|justificante.*|comprobante.*|recibo|rechnung|factuur|facture"
    r"|original|copia|copy|duplicado|duplicate"
    r"|pagina.*|page.*|hoja.*|cliente|proveedor|welcome.*|bienvenid.*|gracias.*|thank.*|united states|nederland"
    r"|espana|numero|number|fecha|date|(?:sub-?)?total(?: \w{1,4})?|albaran|pedido|datos.*"
    r"|company (?:reg\.? )?no.*|co\.? ?reg.*"
    r"|statement|project statement|kopie.*)\W*$"
)
_MISREAD_FORM = re.compile(r"(?<![A-Za-z])S[dao0][nm] ?[b8]h[do0](?![A-Za-z])", re.IGNORECASE)  # no words are like it
_LEFT_OVER = re.compile(r"[^\W\d_]{1,12}\s?[:;]\s+(?=\S{2})")
_NAME_LABEL = re.compile(
    r"[\s:]*(?:nombre(?: fiscal| comercial| completo)?|razon social|denominacion(?: social)?|company name|name)\s*:\s*"
)
_TRAILING = re.compile(r"\s*(?:[(\[][^()]*\d[^()]*[)\]]|[-–|·,]\s.*\d.*)[\s.,;]*$")
_REGISTERED = re.compile(r"[\s.,:([-]*(?:(?:co|company|reg|roc|gst|no|nif|cif|vat|id|tel)\b.*\d|\d{4,})")
_GOES_ON = re.compile(r"(?:[&-]|\b(?:and|dan|y|e|und|of|de))\s*$")  # how the first line of a long name ends
_GOES_ON_BELOW = re.compile(r"[(&]|(?:and|dan|y|und)\s")  # and how its second one begins
_ID_LABEL = re.compile(r"\b[nc]\.?i\.?f\b|\bvat\b|\btax id\b")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one column: rows with the cells of them that belong to it."""

    party: Party
    lines: tuple[tuple[Row, int, int], ...]

    def holds(self, row: Row, position: int) -> bool:
        """Tell whether this place of a row lies in the block."""
        return any(line is row and start <= position < end for line, start, end in self.lines)


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a person or company: letters, no address, contact, date or amount."""
    folded = fold(clean_text(text))
    letters, least = sum(character.isalpha() for character in folded), 0.5 if LEGAL_FORM.search(folded) else 0.6
    if letters < 3 or letters < least * len(folded.replace(" ", "")) or len(folded.split()) > 9:
        return False
    if not re.search(r"[a-z]{2}", folded) or _NOT_NAMES.match(folded) or _CONTACT.search(folded):
        return False
    if _ADDRESS.search(folded) and not LEGAL_FORM.search(folded):
        return False
    return not find_dates(text) and not any(money.firm for money in find_money(text))


def trim_name(text: str) -> str:
    """Cut a register number or an address that hangs at the end of a name; mend a legal form that was misread."""
    name = clean_text(_TRAILING.sub("", text)) or clean_text(text)
    forms = list(LEGAL_FORM.finditer(fold(name)))
    if forms and forms[-1].start() > 0 and _REGISTERED.match(fold(name[forms[-1].end() :])):
        name = name[: forms[-1].end()].rstrip(" ,(-")  # ABC SDN BHD CO NO 123456-X
    return mend(_MISREAD_FORM.sub(_mended, name))


def _mended(match: "re.Match[str]") -> str:
    form = "SDN BHD" if match[0].isupper() or any(character.isdigit() for character in match[0]) else "Sdn Bhd"
    return form if match[0].lower() != form.lower() else match[0]


def find_block(party: Party, hit: Hit, page: PageLayout, hits: Iterable[Hit], stops: frozenset[str]) -> Block:
    """Return the lines under a party's label: its own row's rest, then cells under it until a gap or another label."""
    others = [other for other in hits if other is not hit]
    end = _stop(hit.row, hit.end, _own_end(hit, page), others)
    lines = [(hit.row, hit.start, end)]
    label = hit.row.box_of(hit.start, max(end, hit.end))
    left, right, bottom = label.x0, label.x1, hit.row.box.y1
    for row in page.rows[hit.row.number + 1 : hit.row.number + 1 + BLOCK_ROWS]:
        if row.box.y0 - bottom > BLOCK_GAP * max(hit.row.height, row.height):
            break
        cell = _under(row, left, right, row.height)
        if cell is None:
            continue
        if any(o.row is row and cell.start <= o.start < cell.end and stops & o.weights.keys() for o in others):
            break
        lines.append((row, cell.start, cell.end))
        bottom, left, right = row.box.y1, min(left, cell.box.x0), max(right, cell.box.x1)
    return Block(party, tuple(lines))


def _own_end(hit: Hit, page: PageLayout) -> int:
    """Return where the row of a party's label ends for it: at a wide gap, where a name stands right under the label.

    Beyond the gap begins another column, often the other party's.
    """
    row = hit.row
    cell = row.cell_at(hit.start)
    beside = next((other for other in row.cells if other.start >= cell.end), None)
    alone = not re.search(r"\w", row.text[hit.end : cell.end])
    if beside is None or not alone or beside.box.x0 - cell.box.x1 < WIDE_GAP * row.height:
        return len(row.text)
    for other in page.rows[row.number + 1 : row.number + 3]:
        if other.box.y0 - row.box.y1 > BLOCK_GAP * row.height:
            break
        under = [one for one in other.cells if abs(one.box.x0 - row.box_of(hit.start, hit.end).x0) < row.height]
        if under and read_name(other, under[0].start, under[0].end) is not None:
            return cell.end
    return len(row.text)


@dataclass(frozen=True, slots=True)
class _Stack:
    """A name with a tax id under it (or beside it), in one column."""

    tax_id: str
    lines: tuple[tuple[Row, int, int], ...]
    height: float  # of the name's letters


def find_unlabelled_block(
    page: PageLayout, blocks: Sequence[Block], issuer_ids: frozenset[str] = frozenset()
) -> Block | None:
    """Return the block of a recipient without a label: the second name with a tax id of its own at the head.

    The first is the issuer's, unless a label says which is, the letters of another are clearly larger, or its tax id
    is one of `issuer_ids`, which stand beside the register details of a firm: then even a single other name is the
    recipient's.
    """
    stacks: list[_Stack] = []
    for row in page.rows:
        if row.box.y0 > PARTIES_SHARE * page.height:
            break
        for cell in row.cells:
            readings = loose_tax_ids(row.text[cell.start : cell.end])
            valid = [reading for reading in readings if is_tax_id(reading.value)]
            stack = _stack(page, row, cell, valid[0].value) if valid else None
            if stack is not None and all(stack.tax_id != other.tax_id for other in stacks):
                stacks.append(stack)
    issuers = [block for block in blocks if block.party == "issuer"]
    if len(issuer_ids) == 1 and stacks and not issuers:
        others = [stack for stack in stacks if stack.tax_id not in issuer_ids]
        return Block("recipient", others[0].lines) if others else None
    mine = [stack for stack in stacks if any(block.holds(*stack.lines[-1][:2]) for block in issuers)]
    if not mine and len(stacks) > 1:
        largest = max(stacks, key=lambda stack: stack.height)
        mine = [largest if largest.height > LARGER * stacks[0].height else stacks[0]]
    others = [stack for stack in stacks if mine and stack.tax_id != mine[0].tax_id]
    return Block("recipient", others[0].lines) if others else None


def _stack(page: PageLayout, row: Row, cell: Cell, tax_id: str) -> _Stack | None:
    """Return the lines over a tax id in its column, up to the first gap, from the topmost that is a name."""
    lines = [(row, cell.start, cell.end)]
    left, right, top = cell.box.x0, cell.box.x1, row.box.y0
    for other in reversed(page.rows[max(0, row.number - BLOCK_ROWS) : row.number]):
        if top - other.box.y1 > STACK_GAP * max(row.height, other.height):
            break
        above = _under(other, left, right, other.height)
        if above is None or abs(above.box.x0 - cell.box.x0) > STACK_INDENT * row.height:
            continue
        ids = loose_tax_ids(other.text[above.start : above.end])
        if any(reading.value != tax_id and is_tax_id(reading.value) for reading in ids):
            break  # what stands over it is another's
        lines.append((other, above.start, above.end))
        top = other.box.y0
    lines.reverse()
    for position, (line, start, end) in enumerate(lines):
        if read_name(line, start, end) is not None:
            placed = line.between(start, end)
            return _Stack(tax_id, tuple(lines[position:]), max(word.box.y1 - word.box.y0 for word in placed))
    return None


def _under(row: Row, left: int, right: int, margin: float) -> Cell | None:
    """Return the cell of a row that shares a column: it overlaps most, or begins or ends at the same place."""
    best = max(row.cells, key=lambda cell: min(cell.box.x1, right) - max(cell.box.x0, left))
    shared = min(best.box.x1, right) - max(best.box.x0, left)
    aligned = abs(best.box.x0 - left) < margin or abs(best.box.x1 - right) < margin
    return best if shared > 0 or aligned else None


def _stop(row: Row, start: int, end: int, hits: Iterable[Hit]) -> int:
    return min((hit.start for hit in hits if hit.row is row and start <= hit.start < end), default=end)


def names_somebody(hit: Hit, block: Block, hits: Sequence[Hit]) -> bool:
    """Tell whether a name or a tax id stands under a party's label: under `Cliente 4391` neither does."""
    if any(loose_tax_ids(row.text[start:end]) for row, start, end in block.lines):
        return True
    return name_reading(hit, block, hits) is not None


def name_in_block(spec: FieldSpec, hit: Hit, block: Block, hits: Sequence[Hit]) -> Candidate | None:
    """Return the first line of a block that is a name as a candidate: beside the label, else under it."""
    found = name_reading(hit, block, hits)
    if found is None:
        return None
    position, row, reading = found
    factor = 1.0 if position == 0 else 0.95 if position == 1 else 0.8
    return from_reading(spec, reading, row, 0, hit.weights[spec.name] * factor * FIRM, "anchor")


def name_reading(hit: Hit, block: Block, hits: Sequence[Hit]) -> tuple[int, Row, Reading] | None:
    """Return which line of a block is the first that is a name, its row and the name; None where none is."""
    later = [other for other in hits if other is not hit]
    for position, (row, start, end) in enumerate(block.lines):
        begin = hit.end if position == 0 else start
        named = _NAME_LABEL.match(row.folded, begin)
        begin = named.end() if named else begin
        reading = read_name(row, begin, _stop(row, begin, end, later))
        if reading is not None:
            return position, row, reading
    return None


def read_name(row: Row, start: int, end: int) -> Reading | None:
    """Read a name out of part of a row: its first cell's worth, without what hangs at its end."""
    text = row.text[start:end]
    start += len(text) - len(text.lstrip(" :.-#|)·"))
    raw = row.text[start:end].split("   ")[0].rstrip()
    label = _LEFT_OVER.match(raw)  # what is left of a label that was misread
    start, raw = (start + label.end(), raw[label.end() :]) if label else (start, raw)
    value = trim_name(raw)
    if not is_name(value) or find_dates(raw):
        return None
    length = len(raw) if value not in raw else raw.index(value) + len(value)
    return Reading(value, row.text[start : start + length], start, start + length)


def names_at_head(
    spec: FieldSpec, page: PageLayout, hits: Sequence[Hit], blocks: Sequence[Block], amounts: frozenset[str]
) -> list[Candidate]:
    """Return names at the head of the page without a label, scored by the marks of an issuer.

    Labels of `amounts` (cash, net) do not end a name: firms are called so.
    """
    found: list[Candidate] = []
    stops = [hit for hit in hits if not hit.weights.keys() & amounts and (hit.weights or not hit.hides)]
    for row in page.rows:
        if row.box.y0 > HEAD_SHARE * page.height:
            break
        for cell in row.cells:
            if any(block.party == "recipient" and block.holds(row, cell.start) for block in blocks):
                continue
            reading = _whole_firm(row, cell, stops) or _between_labels(row, cell, hits, stops)
            if reading is not None:
                score = _issuer_score(reading, row, cell, page, len(found))
                whole = _with_form(from_reading(spec, reading, row, 0, score * FIRM, "zone"), row, cell, page)
                if not any(set(whole.words) <= set(other.words) for other in found):  # the end of the name above it
                    found.append(whole)
    return sorted(found, key=lambda candidate: -candidate.score)


def _whole_firm(row: Row, cell: Cell, stops: Sequence[Hit]) -> Reading | None:
    """Read a cell that ends in a legal form as one name, although words inside it are labels elsewhere."""
    text = row.text[cell.start : cell.end]
    forms = list(LEGAL_FORM.finditer(fold(text)))
    if not forms or forms[0].start() == 0 or ":" in text or len(forms) > 1 or forms[0].end() < len(text):
        return None
    if any(hit.row is row and hit.start <= cell.start < hit.end for hit in stops):
        return None
    return _unless_form(read_name(row, cell.start, cell.end))


def _between_labels(row: Row, cell: Cell, hits: Sequence[Hit], stops: Sequence[Hit]) -> Reading | None:
    begin = [hit for hit in stops if hit.row is row and hit.start <= cell.start < hit.end]
    begin += [hit for hit in hits if hit.row is row and hit.start <= cell.start and hit.end >= cell.end - 1]
    return None if begin else _unless_form(read_name(row, cell.start, _stop(row, cell.start, cell.end, stops)))


def _unless_form(reading: Reading | None) -> Reading | None:
    """Leave out a line that is a legal form alone; it belongs to the name above it."""
    if reading is None or not LEGAL_FORM.fullmatch(fold(reading.value)):
        return reading
    return None


def _with_form(candidate: Candidate, row: Row, cell: Cell, page: PageLayout) -> Candidate:
    """Add the legal form that stands alone on the line under a name."""
    below = _form_below(row, cell, page)
    if below is None:
        return candidate
    other, under = below
    raw = other.text[under.start : under.end]
    words = tuple(word.word for word in other.between(under.start, under.end))
    return replace(
        candidate,
        value=f"{candidate.value} {trim_name(raw)}",
        raw=f"{candidate.raw} {raw}",
        words=candidate.words + words,
        score=min(candidate.score + 0.2, FIRM),
    )


def _form_below(row: Row, cell: Cell, page: PageLayout) -> tuple[Row, Cell] | None:
    """Return the next line if it is part of the name above it: a legal form alone, or the rest of a long name."""
    for other in page.rows[row.number + 1 : row.number + 2]:
        under = _under(other, cell.box.x0, cell.box.x1, row.height)
        if under is None:
            return None
        above, below = row.folded[cell.start : cell.end], fold(trim_name(other.text[under.start : under.end]))
        goes_on = _GOES_ON.search(above) or above.count("(") > above.count(")") or _GOES_ON_BELOW.match(below)
        form = LEGAL_FORM.search(below)
        if LEGAL_FORM.fullmatch(below) or (goes_on and form is not None and LEGAL_FORM.search(above) is None):
            return other, under
    return None


def _issuer_score(reading: Reading, row: Row, cell: Cell, page: PageLayout, before: int) -> float:
    """Score a name at the head: first place, large letters, a legal form, an id or contact under it, repetition."""
    height = cell.box.y1 - cell.box.y0
    score = 0.45 - min(before, 5) * 0.07
    score += 0.12 if height > 1.25 * page.letter_height else 0.0
    score += 0.38 if LEGAL_FORM.search(fold(reading.value)) else 0.0
    score -= 0.1 if len(reading.value.split()) == 1 else 0.0  # a mall, a brand, a street
    score -= 0.15 if reading.value.islower() else 0.0  # a note by hand, a slogan
    score += 0.2 if _ID_LABEL.search(row.folded, cell.start) else 0.15 if _details_below(row, cell, page) else 0.0
    folded = fold(reading.value)
    repeats = sum(other is not row and folded in other.folded for other in page.rows)
    score = min(score + (0.12 if repeats else 0.0), 1.0)
    return score if repeats or page.page.source != "ocr" else score * UNCONFIRMED_NAME


def _details_below(row: Row, cell: Cell, page: PageLayout) -> bool:
    """Tell whether an address, contact or tax id stands under a name in its column."""
    for other in page.rows[row.number + 1 : row.number + 5]:
        under = _under(other, cell.box.x0, cell.box.x1, row.height)
        if under is not None:
            text = other.folded[under.start : under.end]
            if _ADDRESS.search(text) or _CONTACT.search(text) or _ID_LABEL.search(text):
                return True
    return False
