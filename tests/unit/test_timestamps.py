"""Time stamps of a real authority: verified by the numbered steps, refused when anything is not as it should be."""

import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from time_authority import POLICY, TimeAuthority

from custody.algorithms import Algorithms, parse_algorithms, shipped_algorithms
from custody.timestamps import (
    RESPONSE_LIMIT,
    Trust,
    parse_token_name,
    read_roots,
    renewed_data,
    request_token,
    token_name,
    verify_token,
    verify_tokens,
)
from records.errors import ConfigurationError, TimestampError

CHECKPOINT = b"example.org/ledger\n3\nAAAA\n\n\xe2\x80\x94 example.org/ledger c2ln\n"
MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture(scope="module")
def trust(authority: TimeAuthority) -> Trust:
    return Trust(read_roots(authority.roots.read_bytes()))


@pytest.fixture(scope="module")
def token(authority: TimeAuthority, trust: Trust) -> bytes:
    return request_token(authority, CHECKPOINT, trust)[0]


def test_a_token_says_when_by_whom_and_how_long(authority: TimeAuthority, trust: Trust) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    _token, stamp = request_token(authority, CHECKPOINT, trust)
    assert before <= stamp.made <= datetime.now(UTC)
    assert stamp.policy == POLICY and stamp.serial > 0
    assert 1823 < (stamp.certified_until - stamp.made).days < 1827
    assert stamp.algorithms == ("rsa-3072", "sha256")


def test_openssl_accepts_what_we_keep(tmp_path: Path, authority: TimeAuthority, token: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(CHECKPOINT)
    (tmp_path / "checkpoint.tsr").write_bytes(token)
    arguments = ["ts", "-verify", "-data", "checkpoint", "-in", "checkpoint.tsr", "-CAfile", str(authority.roots)]
    done = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Verification: OK" in done.stdout + done.stderr


def test_an_authority_with_elliptic_curves_is_understood(tmp_path: Path) -> None:
    authority = TimeAuthority(tmp_path / "tsa", key="P-256")
    _token, stamp = request_token(authority, CHECKPOINT, Trust(read_roots(authority.roots.read_bytes())))
    assert stamp.algorithms == ("ecdsa-secp256r1", "sha256")


def test_a_token_over_other_bytes_is_refused(token: bytes, trust: Trust) -> None:
    with pytest.raises(TimestampError, match="Mismatch between messages"):
        verify_token(token, CHECKPOINT + b"\n", trust)


def test_a_token_for_another_question_is_refused(token: bytes, trust: Trust) -> None:
    with pytest.raises(TimestampError, match="Nonce"):
        verify_token(token, CHECKPOINT, trust, nonce=1)


def test_an_answer_kept_from_an_earlier_question_is_refused(token: bytes, trust: Trust) -> None:
    class Replays:
        def answer(self, query: bytes) -> bytes:
            return token

    with pytest.raises(TimestampError, match="Nonce"):
        request_token(Replays(), CHECKPOINT, trust)


def test_a_token_under_another_policy_is_refused(token: bytes, trust: Trust) -> None:
    assert verify_token(token, CHECKPOINT, Trust(trust.roots, POLICY)).policy == POLICY
    with pytest.raises(TimestampError, match="Policy"):
        verify_token(token, CHECKPOINT, Trust(trust.roots, "1.3.6.1.4.1.99999.1.2"))


def test_a_foreign_authority_is_refused(tmp_path: Path, trust: Trust) -> None:
    foreign = TimeAuthority(tmp_path / "tsa", key="P-256")
    with pytest.raises(TimestampError, match="step"):
        request_token(foreign, CHECKPOINT, trust)


def test_a_certificate_that_had_ended_is_refused(tmp_path: Path) -> None:
    ended = TimeAuthority(tmp_path / "tsa", days=-1, key="P-256")
    with pytest.raises(TimestampError, match="step"):
        request_token(ended, CHECKPOINT, Trust(read_roots(ended.roots.read_bytes())))


@pytest.mark.parametrize(
    ("usage", "days", "step"),
    [("critical,timeStamping,clientAuth", "10", "step 2"), ("critical,timeStamping", "9999", "step 3")],
    ids=["for something else too", "its twin with other dates"],
)
def test_a_token_with_its_certificate_exchanged_is_refused(tmp_path: Path, usage: str, days: str, step: str) -> None:
    """Same key, issuer and serial number: only the signed attribute tells twins apart (RFC 5816)."""
    other = TimeAuthority(tmp_path / "tsa", key="P-256")
    other.openssl("x509", "-in", "tsa.pem", "-outform", "DER", "-out", "good.der")
    configuration = (other.folder / "tsa.cnf").read_text().replace("critical,timeStamping", usage)
    (other.folder / "other.cnf").write_text(configuration)
    serial = other.openssl("x509", "-in", "tsa.pem", "-noout", "-serial").partition("=")[2].strip()
    other.openssl(
        "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", f"0x{serial}",
        "-extfile", "other.cnf", "-extensions", "v3_tsa", "-days", days, "-outform", "DER", "-out", "other.der",
    )  # fmt: skip
    trust = Trust(read_roots(other.roots.read_bytes()))
    token, _ = request_token(other, CHECKPOINT, trust)
    exchanged = _exchange(token, (other.folder / "good.der").read_bytes(), (other.folder / "other.der").read_bytes())
    with pytest.raises(TimestampError, match=step):
        verify_token(exchanged, CHECKPOINT, trust)


def test_a_refusal_is_not_a_time_stamp(trust: Trust) -> None:
    with pytest.raises(TimestampError, match="step 1"):
        verify_token(b"\x30\x05\x30\x03\x02\x01\x02", CHECKPOINT, trust)


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda token: b"",
    "not DER": lambda token: b"<html>not here</html>",
    "cut": lambda token: token[:-1],
    "cut in half": lambda token: token[: len(token) // 2],
    "lengthened": lambda token: token + b"\x00",
    "twice": lambda token: token * 2,
    "too long": lambda token: token + b"\x00" * RESPONSE_LIMIT,
    "status alone": lambda token: b"\x30\x05\x30\x03\x02\x01\x00",
    "empty sequence": lambda token: b"\x30\x00",
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_token_is_refused(change: Callable[[bytes], bytes], token: bytes, trust: Trust) -> None:
    with pytest.raises(TimestampError):
        verify_token(change(token), CHECKPOINT, trust)


def test_every_changed_byte_of_a_token_is_refused(token: bytes, trust: Trust) -> None:
    """Every byte, one bit of it: but where CMS lets the same be said in another way and signs neither."""
    unseen = []
    for place in range(len(token)):
        changed = bytearray(token)
        changed[place] ^= 1 << place % 8
        try:
            verify_token(bytes(changed), CHECKPOINT, trust)
        except TimestampError:
            continue
        unseen.append(place)
    assert unseen == []


def test_no_roots_verify_nothing(token: bytes) -> None:
    with pytest.raises(ConfigurationError):
        verify_token(token, CHECKPOINT, Trust(()))
    with pytest.raises(ConfigurationError):
        read_roots(b"no certificate")


def test_a_renewal_is_over_the_checkpoint_and_all_earlier_tokens(
    authority: TimeAuthority, trust: Trust, token: bytes
) -> None:
    algorithms = shipped_algorithms()
    second, _ = request_token(authority, renewed_data(CHECKPOINT, [token]), trust)
    third, _ = request_token(authority, renewed_data(CHECKPOINT, [token, second]), trust)
    assert len(verify_tokens(CHECKPOINT, [token, second, third], trust, algorithms)) == 3
    for wrong in ([second], [token, third], [second, token, third], [token, second, second]):
        with pytest.raises(TimestampError):
            verify_tokens(CHECKPOINT, wrong, trust, algorithms)


def test_a_renewal_after_the_algorithm_had_ended_is_refused(
    authority: TimeAuthority, trust: Trust, token: bytes
) -> None:
    second, stamp = request_token(authority, renewed_data(CHECKPOINT, [token]), trust)
    ended = Algorithms({"sha256": stamp.made.date() - timedelta(days=2), "rsa-2048": date(2099, 1, 1)})
    with pytest.raises(TimestampError, match="renewal 1"):
        verify_tokens(CHECKPOINT, [token, second], trust, ended)


def test_a_token_is_good_until_the_first_thing_it_rests_on_ends(token: bytes, trust: Trust) -> None:
    stamp = verify_token(token, CHECKPOINT, trust)
    last = date(2027, 3, 31)
    assert stamp.good_until(Algorithms({"sha256": last, "rsa-3072": date(2090, 1, 1)})) == datetime(
        2027, 4, 1, tzinfo=UTC
    )
    far = Algorithms({"sha256": date(2090, 1, 1), "rsa-3072": date(2090, 1, 1)})
    assert stamp.good_until(far) == stamp.certified_until
    assert stamp.good_until(Algorithms({"rsa-3072": last})).year == 1970  # what nobody has judged has ended


def test_rsa_is_judged_by_the_length_of_its_key() -> None:
    shipped = shipped_algorithms()
    assert shipped.end_of("rsa-4096") == shipped.end_of("rsa-3072") > shipped.end_of("rsa-3071")
    assert shipped.end_of("rsa-3071") == shipped.end_of("rsa-2048") > shipped.end_of("rsa-1024")
    assert shipped.end_of("md5").year == 1970


@pytest.mark.parametrize("text", ["", "until = 3", "[until]\nsha256 = 3", '[until]\n"rsa-x" = 2030-01-01', "[until"])
def test_an_inventory_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_algorithms(text)


def test_places_of_tokens_are_read_back() -> None:
    for size, renewal in ((0, 0), (1, 0), (70000, 3)):
        assert parse_token_name(token_name(size, renewal)) == (size, renewal)
    for other in ("timestamps/01.tsr", "timestamps/1.0.tsr", "timestamps/1.2.3.tsr", "timestamps/.tsr", "1.tsr",
                  "timestamps/1.tsq", "timestamps/x.tsr", "timestamps/1..tsr", "timestamps/٣.tsr"):  # fmt: skip
        assert parse_token_name(other) is None, other


def _exchange(token: bytes, old: bytes, new: bytes) -> bytes:
    """Put another certificate into a token and mend the lengths around it."""
    place = token.index(old)

    def mended(data: bytes, start: int) -> bytes:
        """Return the value at the start of `data` with the certificate in it exchanged."""
        if start == 0:
            return new
        octets = data[1] & 0x7F if data[1] & 0x80 else 0
        head = 2 + octets
        length = int.from_bytes(data[2:head], "big") if octets else data[1]
        inside, out, at = data[head : head + length], b"", 0
        while at < len(inside):
            size = _size(inside[at:])
            part = inside[at : at + size]
            holds = at <= start - head < at + size
            out += mended(part, start - head - at) if holds else part
            at += size
        return data[:1] + _length(len(out)) + out

    return mended(token, place)


def _size(data: bytes) -> int:
    octets = data[1] & 0x7F if data[1] & 0x80 else 0
    return 2 + octets + (int.from_bytes(data[2 : 2 + octets], "big") if octets else data[1])


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
