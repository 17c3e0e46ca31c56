"""What a service that runs the rules of EN 16931 says of an embedded invoice, and the check that follows.

Two kinds of answer are read: SVRL, as a schematron gives it (ISO/IEC 19757-3), and the report of the KoSIT validator.
What is neither a clear yes nor a clear no is no answer, for which the check is `unknown`, never a pass (reference of
data verification, finding 2 and section 6; acceptance case 8). `read_report` parses bytes from outside: in a child.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from lxml import etree

from records.fields import Check, Outcome

SYNTAXES = ("cii", "ubl")  # those of EN 16931; Facturae is none
MOST_NAMED = 20
ACCEPTED, REFUSED = 200, 406  # statuses of an answer; a schematron's output has the first either way
CANNOT_BE = frozenset(f"BR-CO-{number}" for number in range(10, 18))  # sums that are wrong cannot be true
NO_ANSWER = "the service that runs the rules of EN 16931 did not answer"
_NO_FAILURE = frozenset({"warning", "warn", "information", "info"})


@dataclass(frozen=True, slots=True)
class RuleReply:
    """What came back: status and body, as bytes from outside, and the SHA-256 of the body."""

    status: int
    body: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class RuleReport:
    """The ids of the rules that failed, and of those that only warn; `accepted` where the answer itself says so."""

    failed: tuple[str, ...]
    warned: tuple[str, ...]
    accepted: bool | None = None


class RuleService(Protocol):
    """Who is asked."""

    def ask(self, syntax: str, xml: bytes) -> RuleReply | None:
        """Return the answer to an invoice of a syntax, None where the service could not be asked."""
        ...


def read_report(body: bytes) -> RuleReport | None:
    """Return what an answer says, None where it is no answer or says that no rule was run. Runs in a child."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None
    if root.getroottree().docinfo.doctype:
        return None
    return _validator_report(root) if _local(root) == "report" else _schematron_output(root)


def _schematron_output(root: Any) -> RuleReport | None:
    if _local(root) != "schematron-output" or not any(_local(one) == "fired-rule" for one in root):
        return None  # an output in which no rule was tried has found nothing out
    found = [one for one in root if _local(one) in ("failed-assert", "successful-report")]
    return RuleReport(*_sorted((one.get("id"), one.get("flag") or one.get("role") or "") for one in found))


def _validator_report(root: Any) -> RuleReport | None:
    names = {_local(one) for one in root.iter()}
    verdict = names & {"accept", "reject"}
    if "scenarioMatched" not in names or "validationStepResult" not in names or len(verdict) != 1:
        return None
    found = [one for one in root.iter() if _local(one) == "message" and one.get("level") is not None]
    failed, warned = _sorted((one.get("code"), one.get("level")) for one in found)
    return RuleReport(failed, warned, verdict == {"accept"})


def _sorted(found: Iterable[tuple[str | None, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part rules that failed from those that warn; one that does not say which has failed."""
    failed: set[str] = set()
    warned: set[str] = set()
    for name, flag in found:
        (warned if flag.lower() in _NO_FAILURE else failed).add(_name(name))
    return tuple(sorted(failed)), tuple(sorted(warned))


def _name(text: str | None) -> str:
    return text if text and re.fullmatch(r"[A-Za-z0-9._-]{1,60}", text) else "unnamed"


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def check_rules(reply: RuleReply | None, report: RuleReport | None) -> Check:
    """Say what an answer means for the invoice; the digest of the answer is kept with it."""
    if reply is None:
        return Check("schematron", "unknown", NO_ANSWER)
    evidence = f"answer {reply.status}, SHA-256 {reply.digest}"
    expected = ACCEPTED if report is None or report.accepted is None or report.accepted else REFUSED
    if report is None or reply.status != expected:
        return Check("schematron", "unknown", f"the answer is neither yes nor no; {evidence}")
    failed = report.failed or (("rejected",) if report.accepted is False else ())
    if failed:
        outcome: Outcome = "reject" if CANNOT_BE & set(failed) else "hold"
        return Check("schematron", outcome, f"failed: {_listed(failed)}; {evidence}")
    if report.warned:
        return Check("schematron", "warn", f"warned: {_listed(report.warned)}; {evidence}")
    return Check("schematron", "pass", f"every rule holds; {evidence}")


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
