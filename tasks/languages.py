"""Tell the language of a text from its commonest words (docs/design/reading.md, language: 16 of 16 pages right)."""

from collections.abc import Sequence

ENOUGH = 4  # hits without which nothing is said
CLEARLY = 3  # times as many hits as the other language's

_SPANISH = """
de la que el en y los del se las por un para con una su al lo como más pero sus le ya o este sí porque esta entre
cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni contra otros ese eso
ante ellos fecha importe factura nif cif iva precio cantidad descripción gracias efectivo cambio tarjeta calle teléfono
euros base pago venta cliente
"""
_ENGLISH = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one
you were her all she there would their we him been has when who will more if out so said what up its about than into
them can only other invoice date tax amount price cash change thank please qty item description payment goods sold bill
receipt customer
"""
_GERMAN = """
der die das und ist nicht mit auf dem den des ein eine einer einem einen von zu für im sich als auch bei oder wird sind
aus nach werden hat nur über ihr ihre ihren sie wir uns wenn noch durch zum zur vom bis sehr vielen dank rechnung datum
betrag summe gesamt zwischensumme mwst ust steuer netto brutto menge preis kunde straße einkauf beleg filiale karte
kartenzahlung bar rückgeld gegeben kasse bon uhr öffnungszeiten
"""
# commonest words, and those of bills: a receipt has no sentences. None is a word of two languages.
STOP_WORDS = {
    "spa": frozenset(_SPANISH.split()), "eng": frozenset(_ENGLISH.split()), "deu": frozenset(_GERMAN.split()),
}  # fmt: skip


def hits(text: str, languages: Sequence[str]) -> dict[str, int]:
    """Count each language's commonest words in a text; a language without a list counts 0."""
    words = [word.strip(".,;:()\"'¿?¡!").lower() for word in text.split()]
    return {name: sum(word in STOP_WORDS.get(name, ()) for word in words) for name in languages}


def leading(text: str, languages: Sequence[str], otherwise: str) -> str:
    """Return the language whose words clearly lead in a text, else `otherwise`.

    Args:
        text: what was read, in whichever language.
        languages: Tesseract's names.
        otherwise: what is kept where no language leads; joined names ("spa+eng") say that nothing is known.
    """
    counts = hits(text, languages)
    best, second = [*sorted(counts, key=lambda name: -counts[name]), "", ""][:2]
    if counts.get(best, 0) >= max(ENOUGH, CLEARLY * counts.get(second, 0)):
        return best
    return otherwise


def joined(languages: Sequence[str]) -> str:
    """Return the name under which Tesseract reads with all of these languages at once."""
    return "+".join(languages)


def is_sure(text: str, language: str) -> bool:
    """Tell whether a text has enough of a language's words to settle the document's."""
    return hits(text, (language,))[language] >= ENOUGH
