"""RFC 3161 time stamps over a signed checkpoint: asked for, verified, renewed before what they rest on ages out.

Format (docs/design/timestamps.md): `timestamps/<size>.tsr` is the authority's response over the bytes of the signed
checkpoint; `timestamps/<size>.<n>.tsr`, n = 1, 2, ..., renews: a response over those bytes and all earlier responses
after them (the idea of RFC 4998 without its ASN.1). A token is verified in numbered steps:

 1. form: DER, granted, one signer, versions and signature algorithm as RFC 5652 and RFC 3161 want them
 2. the signature and the chain to a root given, at the time the token states; extended key usage time stamping alone
 3. the signed attribute that names the signer's certificate names this one (RFC 5816)
 4. the digest is of these bytes; the nonce is the one sent; the policy is the one configured

Revocation is not looked up: the verifier is offline. No clock here: what is long ago is the caller's question.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from custody import der
from custody.algorithms import Algorithms
from records.errors import ConfigurationError, TimestampError

RESPONSE_LIMIT = 64 * 1024  # bytes; a response with its chain is some 2 to 10 kB
# what parsing foreign bytes raises, here and in the libraries
NOT_A_TOKEN = (ValueError, TypeError, LookupError, x509.InvalidVersion, UnsupportedAlgorithm)
LONGEST_CHAIN = 8  # certificates, root included
CERTIFICATE_ID, CERTIFICATE_ID_V1 = "1.2.840.113549.1.9.16.2.47", "1.2.840.113549.1.9.16.2.12"  # RFC 5816, 2634
RSA = "1.2.840.113549.1.1.1"
SIGNING = {  # (kind of key, digest) -> identifier of the signature algorithm; plain RSA stands for each of its digests
    ("rsa", "sha256"): "1.2.840.113549.1.1.11", ("ecdsa", "sha256"): "1.2.840.10045.4.3.2",
    ("rsa", "sha384"): "1.2.840.113549.1.1.12", ("ecdsa", "sha384"): "1.2.840.10045.4.3.3",
    ("rsa", "sha512"): "1.2.840.113549.1.1.13", ("ecdsa", "sha512"): "1.2.840.10045.4.3.4",
}  # fmt: skip
DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class Authority(Protocol):
    """A time-stamping authority, given as a client."""

    def answer(self, query: bytes) -> bytes:
        """Send a query (DER) and return the response as it came, at most RESPONSE_LIMIT bytes.

        Raises:
            AuthorityUnavailableError: it did not answer, or not with a time stamp.
        """
        ...


@dataclass(frozen=True, slots=True)
class Trust:
    """What tokens are verified against: roots, and the policy they must state (None: any)."""

    roots: tuple[x509.Certificate, ...]
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Stamping:
    """The authority and how it is asked, as the settings say; `roots_pem` are the bytes of the roots' file."""

    authority: Authority
    trust: Trust
    roots_pem: bytes
    qualified: bool
    every: timedelta
    renew_before: timedelta


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a verified token says. `certified_until` is the first end of a certificate of its chain.

    `algorithms` are the names, as custody.algorithms has them, of all it rests on.
    """

    made: datetime
    policy: str
    serial: int
    certified_until: datetime
    algorithms: tuple[str, ...]

    def good_until(self, algorithms: Algorithms) -> datetime:
        """Return when it must have been renewed: a certificate ends, or the first algorithm ages out."""
        return min(self.certified_until, *(algorithms.end_of(name) for name in self.algorithms))


def token_name(size: int, renewal: int = 0) -> str:
    """Return the place of a checkpoint's token, or of its n-th renewal, beside the ledger's tiles."""
    return f"timestamps/{size}.tsr" if renewal == 0 else f"timestamps/{size}.{renewal}.tsr"


def parse_token_name(name: str) -> tuple[int, int] | None:
    """Return (size, renewal) of a token's place, None where `name` is none."""
    folder, _, file = name.partition("/")
    numbers = file.removesuffix(".tsr").split(".")
    if folder != "timestamps" or not file.endswith(".tsr") or len(numbers) > 2:
        return None
    if not all(n.isascii() and n.isdigit() and len(n) < 18 for n in numbers):
        return None
    size, renewal = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 0
    return (size, renewal) if token_name(size, renewal) == name else None


def read_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read the certificates of a PEM file.

    Raises:
        ConfigurationError: it holds none.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise ConfigurationError("the file of the time stamps' roots holds no certificates in PEM") from error


def request_token(authority: Authority, data: bytes, trust: Trust) -> tuple[bytes, Stamp]:
    """Ask for a token over `data` and verify it before it is believed; return the response and what it says.

    Raises:
        AuthorityUnavailableError: no answer; try later.
        TimestampError: the answer is no token over `data` that holds; it is not kept.
    """
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    response = authority.answer(request.as_bytes())
    return response, verify_token(response, data, trust, request.nonce)


def verify_token(response: bytes, data: bytes, trust: Trust, nonce: int | None = None) -> Stamp:
    """Verify a response over `data` by the numbered steps above.

    Raises:
        TimestampError: it does not hold; the step is named.
    """
    if not trust.roots:
        raise ConfigurationError("no roots are given to verify time stamps against")
    decoded, signer = _decode(response)
    _verify_signature(decoded, data, trust, nonce)
    try:
        certificates = _certificates(decoded)
        _check_signer(signer, certificates[0])
        digest, named = _certificate_id(signer)
        chain = _chain(certificates, trust.roots)
        info = decoded.tst_info
        names = {DIGESTS[info.message_imprint.hash_algorithm.dotted_string]}
        names.update(name for certificate in chain for name in _algorithms_of(certificate))
    except NOT_A_TOKEN as error:
        raise TimestampError("steps 1 and 2: an algorithm or a certificate that is not taken") from error
    if not hmac.compare_digest(chain[0].fingerprint(digest), named):
        raise TimestampError("step 3: the token names another certificate than the one that signed it")
    until = min(certificate.not_valid_after_utc for certificate in chain)
    return Stamp(info.gen_time, info.policy.dotted_string, info.serial_number, until, tuple(sorted(names)))


def renewed_data(checkpoint: bytes, tokens: Sequence[bytes]) -> bytes:
    """Return the bytes that the next token of a checkpoint is over: the checkpoint, then every earlier response."""
    return b"".join((checkpoint, *tokens))


def verify_tokens(
    checkpoint: bytes, tokens: Sequence[bytes], trust: Trust, algorithms: Algorithms
) -> tuple[Stamp, ...]:
    """Verify a checkpoint's token and its renewals, the oldest first: each was made while the one before it was good.

    Whether the newest is still good is for the caller to ask of `Stamp.good_until`.

    Raises:
        TimestampError: a token does not hold, or was renewed too late.
    """
    stamps: list[Stamp] = []
    for number, token in enumerate(tokens):
        stamp = verify_token(token, renewed_data(checkpoint, tokens[:number]), trust)
        if stamps and not stamps[-1].made <= stamp.made <= stamps[-1].good_until(algorithms):
            raise TimestampError(f"renewal {number} was not made while the token before it was good")
        stamps.append(stamp)
    return tuple(stamps)


def file_digest(token: bytes) -> str:
    """Return SHA-256 of a token's file, as the event `checkpoint_timestamped` names it."""
    return hashlib.sha256(token).hexdigest()


def _decode(response: bytes) -> tuple[TimeStampResponse, list[der.Value]]:
    """Step 1; return the response decoded, and the fields of its one SignerInfo."""
    if len(response) > RESPONSE_LIMIT:
        raise TimestampError(f"step 1: over {RESPONSE_LIMIT} bytes")
    try:
        return decode_timestamp_response(response), _signer_info(response)
    except NOT_A_TOKEN as error:
        raise TimestampError("step 1: not a response of RFC 3161 that grants a token") from error


def _verify_signature(decoded: TimeStampResponse, data: bytes, trust: Trust, nonce: int | None) -> None:
    """Steps 2 and 4, by the library."""
    policy = None if trust.policy is None else x509.ObjectIdentifier(trust.policy)
    verifier = VerifierBuilder(policy_id=policy, roots=list(trust.roots), nonce=nonce).build()
    try:
        verifier.verify_message(decoded, data)
    except VerificationError as error:
        signature = str(error).startswith("Error while verifying")  # what follows are OpenSSL's internals
        what = "step 2: signature, chain, time or purpose" if signature else f"steps 2 and 4: {error}"
        raise TimestampError(what) from error
    except NOT_A_TOKEN as error:
        raise TimestampError("step 2: its certificates cannot be read") from error


def _signer_info(response: bytes) -> list[der.Value]:
    status, content = der.read(response).inside(der.SEQUENCE)
    if status.inside(der.SEQUENCE)[0].encoded != b"\x02\x01\x00":
        raise TimestampError("step 1: the authority did not grant a time stamp")
    content_type, wrapped = content.inside(der.SEQUENCE)
    (signed_data,) = wrapped.inside(0xA0)
    version, *_middle, signers = signed_data.inside(der.SEQUENCE)
    (signer,) = signers.inside(der.SET)
    fields = signer.inside(der.SEQUENCE)
    if (
        der.oid(content_type) != "1.2.840.113549.1.7.2"
        or version.encoded != b"\x02\x01\x03"
        or fields[0].encoded != b"\x02\x01\x01"
    ):
        raise der.DerError("another content, or another version")
    return fields


def _check_signer(signer: list[der.Value], certificate: x509.Certificate) -> None:
    """Compare issuer and signature algorithm, which CMS leaves out of what is signed, with the certificate's."""
    (body, *_signature) = der.read(certificate.public_bytes(Encoding.DER)).inside(der.SEQUENCE)
    issuer = body.inside(der.SEQUENCE)[3]  # after version, serial number, algorithm
    if signer[1].inside(der.SEQUENCE)[0].encoded != issuer.encoded:
        raise der.DerError("the issuer is named in another way than in the certificate")
    digest = DIGESTS[der.oid(signer[2].inside(der.SEQUENCE)[0])]
    named = der.oid(signer[4].inside(der.SEQUENCE)[0])
    kind = _key_name(certificate.public_key()).partition("-")[0]
    if named != SIGNING[kind, digest] and (kind, named) != ("rsa", RSA):
        raise der.DerError("a signature algorithm that does not fit the key")


def _certificate_id(signer: list[der.Value]) -> tuple[hashes.HashAlgorithm, bytes]:
    """Return the digest and value by which the signed attribute names the signer's certificate."""
    for attribute in signer[3].inside(0xA0):
        kind, values = attribute.inside(der.SEQUENCE)
        if der.oid(kind) not in (CERTIFICATE_ID, CERTIFICATE_ID_V1):
            continue
        first = values.inside(der.SET)[0].inside(der.SEQUENCE)[0].inside(der.SEQUENCE)[0].inside(der.SEQUENCE)
        if der.oid(kind) == CERTIFICATE_ID_V1:
            return hashes.SHA1(), first[0].content  # noqa: S303  RFC 2634 knows no other; the signature covers it
        if first[0].tag == der.OCTETS:  # SHA-256 is the default, and DER leaves defaults out
            return hashes.SHA256(), first[0].content
        return HASHES[DIGESTS[der.oid(first[0].inside(der.SEQUENCE)[0])]], first[1].content
    raise der.DerError("the signer's certificate is not named")


def _certificates(decoded: TimeStampResponse) -> list[x509.Certificate]:
    info = next(iter(decoded.signed_data.signer_infos))
    found = [x509.load_der_x509_certificate(encoded) for encoded in decoded.signed_data.certificates]
    signers = [c for c in found if c.issuer == info.issuer and c.serial_number == info.serial_number]
    if not signers:
        raise der.DerError("the signer's certificate is not in the token")
    return [signers[0], *(c for c in found if c is not signers[0])]


def _chain(certificates: list[x509.Certificate], roots: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return the certificates from the signer's to a root; the signature itself was verified before."""
    chain = certificates[:1]
    while chain[-1] not in roots:
        above = next((c for c in (*roots, *certificates) if c not in chain and _issued(chain[-1], c)), None)
        if above is None or len(chain) == LONGEST_CHAIN:
            raise TimestampError("step 2: no chain to a root")
        chain.append(above)
    return chain


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _algorithms_of(certificate: x509.Certificate) -> tuple[str, ...]:
    digest = certificate.signature_hash_algorithm
    key = _key_name(certificate.public_key())
    return (key,) if digest is None else (key, digest.name.replace("-", ""))


def _key_name(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ecdsa-{key.curve.name}"
    return "unknown"
