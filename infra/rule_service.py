"""Asking a service that runs the official rules of EN 16931 on an embedded invoice; off unless its address is set.

States what the reference of data verification asks of an adapter (section 6): 5 s for the connection, 30 s for the
answer; not asked again within the call, `muniment review recheck --unknown` does that; outage, timeout, an error and
anything that is not clearly yes or no is no answer, for which the check is `unknown`, never a pass (acceptance case 8);
kept are the ids of the rules that failed and the SHA-256 of the answer; nothing is remembered but an outage, for a
minute. The whole invoice leaves: name a server of the house. Nothing here follows redirects.

The XML is posted as it is, which the KoSIT validator takes, or, where there is a folder of compiled schematrons,
together with the one of its syntax as a form of `xml` and `xsl`, which a Saxon server takes (factur-x uses it so).
"""

import hashlib
from pathlib import Path

from urllib3.filepost import encode_multipart_formdata

from infra.asking import HttpService, Memory, Patience, Silence
from infra.settings import read_file
from records.rule_answers import RuleReply

PATIENCE = Patience(answer_s=0.0, open_s=0.0, outage_s=60.0, most=0)  # one invoice is hardly asked about twice
CONNECT_S, READ_S = 5.0, 30.0
MOST_BYTES = 8 * 1024**2
OUT = (502, 503, 504)  # statuses of who stands before a service that is out; its own 500 may be for one invoice
XML = "application/xml"


class HttpRuleService:
    """A service at an address, asked through a client of its own; implements `records.rule_answers.RuleService`."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        """Nothing is connected before it is asked. `folder` has `cii.xslt` and `ubl.xslt`, for a server of transforms.

        Raises:
            ConfigurationError: the address is none.
        """
        self._service = HttpService(url, "schematron_url", connect_s=CONNECT_S, read_s=READ_S, most_bytes=MOST_BYTES)
        self._folder = folder
        self._memory = Memory(self._answer, PATIENCE)

    def ask(self, syntax: str, xml: bytes) -> RuleReply | None:
        """See `records.rule_answers.RuleService`.

        Raises:
            ConfigurationError: the schematron of this syntax cannot be read.
        """
        return self._memory.of((syntax, xml))

    def close(self) -> None:
        """Close every connection."""
        self._service.close()

    def _answer(self, question: tuple[str, bytes]) -> RuleReply | Silence:
        syntax, xml = question
        body, kind = xml, XML
        if self._folder is not None:
            sheet = read_file(self._folder / f"{syntax}.xslt", "schematron_folder")
            form = {"xml": ("invoice.xml", xml, XML), "xsl": ("rules.xslt", sheet, XML)}
            body, kind = encode_multipart_formdata(form)
        reply = self._service.post(body, kind, XML)
        if reply is None or reply.status in OUT:
            return Silence.DOWN
        return RuleReply(reply.status, reply.body, hashlib.sha256(reply.body).hexdigest())
