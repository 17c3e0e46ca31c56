"""Ask others about a description: the register of VAT numbers, who runs EN 16931's rules, the client's references.

Outside of every transaction, since it may wait. Which fields are asked about is said by the class file (checks `vies`,
`schematron`); where no service is set nothing is asked and nothing said (reference of data verification, section 6).
"""

from records.class_library import RecordClass
from records.errors import InputError
from records.fields import Check, Description
from records.references import REFERENCE
from records.rule_answers import SYNTAXES, RuleService, check_rules, read_report
from records.text import Embedded
from tasks.judge import with_answers
from tasks.reference_check import referred
from tasks.services import Services
from tasks.vat_check import registered

SCHEMATRON = "schematron"
NOT_KEPT = "the record was read before embedded files were kept: there is nothing to send"


def asked_outside(
    services: Services, client: str, record_class: RecordClass, found: Description, embedded: Embedded | None
) -> Description:
    """Return a description with what every service that is set says of it; what none confirms waits.

    `client` is its name.
    """
    found = registered(services.vat_register, record_class, found)
    if any(REFERENCE in spec.checks for spec in record_class.fields):
        found = referred(services.references(client), record_class, found)
    specs = {spec.name: spec for spec in record_class.fields if SCHEMATRON in spec.checks}
    service = services.rule_service
    if service is None or not specs or embedded is None or embedded.syntax not in SYNTAXES:
        return found
    check = _ruled(services, service, embedded)
    return with_answers(found, specs, lambda _field: check, ("schematron-unchecked", "en16931"))


def _ruled(services: Services, service: RuleService, embedded: Embedded) -> Check:
    if embedded.xml is None:
        return Check(SCHEMATRON, "unknown", NOT_KEPT)
    reply = service.ask(embedded.syntax, embedded.xml)
    if reply is None:
        return check_rules(None, None)
    try:
        report = services.children.run(services.limits.examine_seconds, read_report, reply.body)
    except InputError:  # the answer cost its child
        report = None
    return check_rules(reply, report)
