"""Digital signatures of PDFs: what holds, what was changed, who is trusted, and that the ledger hears of it first."""

import datetime as dt
import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.signatures import REASONS, SignatureCheck, check_signatures

signers = pytest.importorskip("pyhanko.sign.signers", reason="the extra 'signatures' is not installed")

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
DOCS = Path(__file__).resolve().parents[2] / "docs/design/signatures.md"


class Signer:
    """Somebody with a certificate in force for a month, by a root of their own that is so for a year."""

    def __init__(self) -> None:
        root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = certificate_of("Colegio Notarial", root_key, root_key, "Colegio Notarial", days=365)
        self.certificate = certificate_of("Ana Notaria", self.key, root_key, "Colegio Notarial", days=30)

    @property
    def pem(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.PEM)

    def sign(self, source: Path, target: Path, field: str = "Signature1") -> Path:
        from asn1crypto import keys
        from asn1crypto import x509 as asn1_x509
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko_certvalidator.registry import SimpleCertificateStore

        certificate = asn1_x509.Certificate.load(self.certificate.public_bytes(serialization.Encoding.DER))
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key = keys.PrivateKeyInfo.load(self.key.private_bytes(serialization.Encoding.DER, form, none))
        signer = signers.SimpleSigner(certificate, key, SimpleCertificateStore.from_certs([certificate]))
        writer = IncrementalPdfFileWriter(BytesIO(source.read_bytes()), strict=False)
        signed = signers.sign_pdf(writer, signers.PdfSignatureMetadata(field_name=field), signer)
        target.write_bytes(signed.getbuffer())
        return target


def certificate_of(
    name: str, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey, issuer: str, days: int
) -> x509.Certificate:
    root = name == issuer
    subject, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer))
    usage = x509.KeyUsage(not root, not root, False, False, False, root, root, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=40))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def signed(corpus: Path, tmp_path: Path, signer: Signer) -> Path:
    return signer.sign(corpus / "digital.pdf", tmp_path / "signed.pdf")


def reasons(path: Path, roots: bytes = b"", now: dt.datetime = NOW) -> tuple[str, ...]:
    found = check_signatures(path, roots, now)
    assert found is not None
    return found.reasons


def test_a_pdf_without_signatures_is_not_judged(corpus: Path) -> None:
    assert check_signatures(corpus / "digital.pdf", b"", NOW) is None


def test_a_signature_that_leads_to_a_named_root_is_valid(signed: Path, signer: Signer) -> None:
    assert reasons(signed, signer.pem) == ("trusted",)


def test_nobody_is_trusted_where_no_root_is_named(signed: Path) -> None:
    assert reasons(signed) == ("untrusted",)
    assert reasons(signed, Signer().pem) == ("untrusted",)


def test_a_certificate_that_has_ended_is_not_trusted(signed: Path, signer: Signer) -> None:
    assert reasons(signed, signer.pem, NOW + dt.timedelta(days=29)) == ("trusted",)
    assert reasons(signed, signer.pem, NOW + dt.timedelta(days=31)) == ("untrusted",)


def change_a_byte(signed: Path) -> None:
    data = bytearray(signed.read_bytes())
    at = data.index(b"/MediaBox")
    data[at + 12] ^= 1
    signed.write_bytes(data)


def test_one_changed_byte_of_what_was_signed_is_found(signed: Path, signer: Signer) -> None:
    change_a_byte(signed)
    assert reasons(signed, signer.pem) == ("changed",)


def test_a_page_that_was_added_to_afterwards_is_found(signed: Path, signer: Signer, tmp_path: Path) -> None:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(signed.read_bytes()), strict=False)
    more = generic.StreamObject(stream_data=b"0 0 1 rg 100 100 200 200 re f")
    writer.add_stream_to_page(0, writer.add_object(more))
    changed = BytesIO()
    writer.write(changed)
    (tmp_path / "after.pdf").write_bytes(changed.getvalue())
    assert reasons(tmp_path / "after.pdf", signer.pem) == ("changed-after",)


def test_a_second_signature_spoils_no_first_one(signed: Path, signer: Signer, tmp_path: Path) -> None:
    other = Signer()
    both = other.sign(signed, tmp_path / "both.pdf", "Signature2")
    assert reasons(both, signer.pem + other.pem) == ("trusted", "trusted")
    assert reasons(both, signer.pem) == ("trusted", "untrusted")


@pytest.mark.parametrize("contents", [b"x", b"\x30\x80", b""])
def test_a_signature_that_is_none_is_unknown(corpus: Path, tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "odd.pdf"
    with pikepdf.open(corpus / "digital.pdf") as document:
        value = pikepdf.Dictionary(
            Type=pikepdf.Name.Sig, ByteRange=pikepdf.Array([0, 1, 2, 3]), Contents=pikepdf.String(contents)
        )
        field = document.make_indirect(
            pikepdf.Dictionary(FT=pikepdf.Name.Sig, T=pikepdf.String("S"), V=document.make_indirect(value))
        )
        document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]), SigFlags=3)
        document.save(path)
    assert reasons(path) == ("not-readable",)


def test_the_worst_signature_decides_and_no_name_is_told() -> None:
    assert SignatureCheck(("trusted", "trusted")).verdict == "valid"
    assert SignatureCheck(("trusted", "untrusted")).verdict == "unknown"
    assert SignatureCheck(("untrusted", "changed", "trusted")).verdict == "invalid"
    assert SignatureCheck(("trusted", "changed")).counts() == {
        "signatures": 2, "valid": 1, "invalid": 1, "unknown": 0, "reasons": ["changed", "trusted"],
    }  # fmt: skip


def test_the_reasons_are_the_documented_ones() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", DOCS.read_text(), re.M)
    assert dict(rows) == REASONS


def test_the_ledger_hears_of_signatures_before_anything_is_read(run: Any, home: Path, signed: Path) -> None:
    record = run("ingest", "--json", signed).document["scans"][0]["records"][0]
    told = run("record", "timeline", record, "--json").document["events"]
    kinds = [event["type"] for event in told]
    assert kinds.count("signatures_checked") == 1
    assert kinds.index("stored") < kinds.index("signatures_checked") < kinds.index("read")
    event = told[kinds.index("signatures_checked")]
    assert event["reason"] == "unknown"
    assert "Notaria" not in json.dumps(told)
    assert home.exists()


def test_a_signature_that_does_not_hold_goes_to_a_person(run: Any, home: Path, signed: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pdf"
    whole.write_bytes(signed.read_bytes())
    change_a_byte(signed)
    records = [run("ingest", "--json", file).document["scans"][0]["records"][0] for file in (signed, whole)]
    listed = {item["record"]: item["reasons"] for item in run("review", "list", "--json").document["items"]}
    codes = [[reason["code"] for reason in listed.get(record, [])] for record in records]
    assert "signature-invalid" in codes[0] and "signature-invalid" not in codes[1]
    assert next(r["message"] for r in listed[records[0]] if r["code"] == "signature-invalid") == "1 of 1: changed"
    assert home.exists()
