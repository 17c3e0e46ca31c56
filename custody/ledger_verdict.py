"""The verdict on a ledger's folder by what a caller got by another way: texts and bytes in, a report out.

Run in a limited child, since a folder of strangers is parsed; the arguments and the answer can be pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from custody.algorithms import Algorithms
from custody.checkpoints import LOG_KINDS
from custody.findings import HOLDS, Report
from custody.notes import parse_vkey
from custody.policies import parse_policy
from custody.received_folder import ReceivedFolder
from custody.verification import StampCheck, Trust, verify_ledger
from records.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Given:
    """What is given beside the ledger. `vkeys` are lines, one key each; `saved` are checkpoints by their names."""

    now: datetime
    algorithms: Algorithms
    vkeys: str | None = None
    policy: bytes | None = None
    roots: bytes | None = None  # PEM
    tsa_policy: str | None = None
    saved: Mapping[str, bytes] = field(default_factory=dict)
    slack: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The report, and the ledger's checkpoint where everything holds, else empty."""

    report: Report
    note: bytes = b""


def verify_folder(folder: Path, given: Given) -> Verdict:
    """Verify a folder by the steps of custody.verification; what is given and cannot be read is said as a step."""
    report = Report()
    verdict = Verdict(report)
    with report.step("what is given beside the ledger can be read"):
        trust, files = trust_of(given), ReceivedFolder(folder)
        if not trust.keys and (trust.policy is None or not trust.policy.logs):
            raise ConfigurationError("the log's key is needed: give it by --vkey, or a policy that names it")
        verified = verify_ledger(files, trust)
        verdict = Verdict(verified.report, verified.note if verified.report.verdict == HOLDS else b"")
    return verdict


def trust_of(given: Given) -> Trust:
    """Read keys, policy and roots.

    Raises:
        NoteError, ProofError, ConfigurationError: one cannot be read.
    """
    lines = [line for line in (given.vkeys or "").splitlines() if line.strip()]
    keys = tuple(parse_vkey(line, LOG_KINDS) for line in lines)
    policy = None if given.policy is None else parse_policy(given.policy)
    return Trust(keys, policy, _stamps(given), given.saved, given.slack)


def _stamps(given: Given) -> StampCheck | None:
    if given.roots is None:
        return None
    # only here: whoever gives no roots does not need the library
    from custody.stamp_check import TokenCheck
    from custody.timestamps import Trust as Roots
    from custody.timestamps import read_roots

    return TokenCheck(Roots(read_roots(given.roots), given.tsa_policy), given.algorithms, given.now)
