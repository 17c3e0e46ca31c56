"""What people read, in English and Spanish by gettext (design, section 2, rule 11); JSON and logs are English."""

import gettext
import io
import locale
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("en", "es")


def translations(language: str) -> gettext.NullTranslations:
    """Return the catalogue of a language: `en`, `es`, or `auto` for the locale's; English where there is none."""
    if language == "auto":
        language = (locale.getlocale()[0] or "en")[:2]
    path = Path(__file__).parent / "locale" / language / "LC_MESSAGES" / "muniment.po"
    if language == "en" or not path.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
