"""Check the digital signatures of a PDF as it came, before anything is made from it.

Whether a signature still holds can be told of the original's bytes alone, and the certificates behind it end: so it is
checked right after accession and the verdict goes into the ledger. By pyHanko (extra `signatures`); nothing is fetched,
so a revoked certificate is not noticed. Runs in a limited child. Rules: docs/design/signatures.md; PDF: ISO 32000-1,
12.8; certificates: RFC 5280.
"""

import datetime as dt
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pikepdf

from tasks.pdf_structure import is_signed

Verdict = Literal["valid", "invalid", "unknown"]
# reason -> verdict; docs/design/signatures.md says what each means, and a test compares
REASONS: dict[str, Verdict] = {
    "trusted": "valid",
    "changed": "invalid",
    "changed-after": "invalid",
    "untrusted": "unknown",
    "not-readable": "unknown",
    "not-installed": "unknown",
}
MOST = 100  # signatures of one file that are checked: each costs up to a second


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What was found: a reason of REASONS for each signature, in the order of the file."""

    reasons: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all: one signature that does not hold spoils the document."""
        found = {REASONS[reason] for reason in self.reasons}
        return "invalid" if "invalid" in found else "unknown" if "unknown" in found else "valid"

    def counts(self) -> dict[str, Any]:
        """Return what the ledger is told: counts and reasons, no names."""
        verdicts = [REASONS[reason] for reason in self.reasons]
        return {
            "signatures": len(self.reasons), **{kind: verdicts.count(kind) for kind in ("valid", "invalid", "unknown")},
            "reasons": sorted(set(self.reasons)),
        }  # fmt: skip


def check_signatures(path: Path, roots: bytes, now: dt.datetime) -> SignatureCheck | None:
    """Return how the signatures of a PDF stand; None where it has none.

    Args:
        path: a PDF that `tasks.examine` has accepted.
        roots: root certificates that signers may lead to, as PEM; empty trusts nobody.
        now: the time at which certificates must be in force.
    """
    try:
        with pikepdf.open(path) as document:
            if not is_signed(document):
                return None
    except (pikepdf.PdfError, OSError, ValueError, TypeError, AttributeError):
        return SignatureCheck(("not-readable",))
    if importlib.util.find_spec("pyhanko") is None:
        return SignatureCheck(("not-installed",))
    return SignatureCheck(tuple(_reasons(path, roots, now)) or ("not-readable",))


def _reasons(path: Path, roots: bytes, now: dt.datetime) -> Iterator[str]:
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader

    with path.open("rb") as file:
        try:
            document = PdfFileReader(file, strict=False)
            if document.encrypted:
                document.decrypt(b"")
            found = list(document.embedded_regular_signatures)[:MOST]
        except (PdfError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return
        for signature in found:
            yield _reason(signature, _certificates(roots), now)


def _certificates(pem: bytes) -> Sequence[Any]:
    from asn1crypto import pem as armour
    from asn1crypto import x509

    if not pem.strip():
        return ()
    return [x509.Certificate.load(der) for _kind, _headers, der in armour.unarmor(pem, multiple=True)]


def _reason(signature: Any, roots: Sequence[Any], now: dt.datetime) -> str:
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko_certvalidator import ValidationContext

    trust = ValidationContext(trust_roots=roots, moment=now, allow_fetching=False)
    try:
        status = validate_pdf_signature(signature, signer_validation_context=trust)
    except (SignatureValidationError, PdfError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "not-readable"
    if not status.intact or not status.valid:
        return "changed"
    if status.modification_level is not None and not status.docmdp_ok:
        return "changed-after"
    return "trusted" if status.trusted else "untrusted"
