"""A real RFC 3161 authority for tests: OpenSSL's, with keys of its own, and a tiny HTTP server before it."""

import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# no "certs =": with the authority's certificate added OpenSSL 3.0 writes the SET out of DER order
CONFIGURATION = """
[tsa]
default_tsa = tsa1
[tsa1]
dir = {folder}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1.1
other_policies = 1.3.6.1.4.1.99999.1.2
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[v3_tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""
POLICY = "1.3.6.1.4.1.99999.1.1"


class TimeAuthority:
    """An authority in a folder. `roots` is the PEM file a verifier trusts; `answer` turns a query into a response."""

    def __init__(
        self, folder: Path, days: int = 1825, usage: str = "critical,timeStamping", key: str = "rsa:3072"
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.roots = folder / "ca.pem"
        (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder, usage=usage))
        (folder / "serial").write_text("01\n")
        self._certify("ca", "/CN=Test root", key, "v3_ca", "-signkey", "ca.key", "-days", "3650")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days))
        self._certify("tsa", "/CN=Test authority", key, "v3_tsa", *signed)

    def answer(self, query: bytes) -> bytes:
        """Return the response to a time-stamp query, both DER."""
        (self.folder / "query.tsq").write_bytes(query)
        self.openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def openssl(self, *arguments: str) -> str:
        """Run OpenSSL in the authority's folder."""
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    def _certify(self, name: str, subject: str, key: str, extensions: str, *signing: str) -> None:
        request = (
            ("-newkey", key) if key.startswith("rsa") else ("-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{key}")
        )
        self.openssl(
            "req", "-new", *request, "-nodes", "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr"
        )
        self.openssl(
            "x509", "-req", "-in", f"{name}.csr", *signing, "-extfile", "tsa.cnf", "-extensions", extensions,
            "-out", f"{name}.pem",
        )  # fmt: skip


class AuthorityServer:
    """Serves an authority on the loopback; `answer` may be replaced to answer badly. Counts what was asked."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        self.status = 200
        self.media_type = "application/timestamp-reply"
        self.asked = 0
        self.headers: Mapping[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked += 1
                outer.headers = dict(self.headers)
                assert self.headers["Content-Type"] == "application/timestamp-query"
                body = outer.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(outer.status)
                self.send_header("Content-Type", outer.media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/tsa"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
