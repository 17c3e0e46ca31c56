"""Settings: the only place that reads the environment, `muniment.toml` and secret files.

Precedence: `MUNIMENT_<NAME>`, then `MUNIMENT_<NAME>_FILE` for secrets, then `muniment.toml` in MUNIMENT_HOME, then the
default. docs/configuration.md lists every setting; a test compares.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from records.errors import ConfigurationError

SECRETS = (
    "key_passphrase", "database_password", "s3_access_key", "s3_secret_key", "s3_keeper_access_key",
    "s3_keeper_secret_key", "opensearch_password", "tsa_password", "smtp_password",
    "party_database_password", "token",
)  # fmt: skip


class Settings(BaseSettings):
    """What an operator may set; frozen. Field descriptions are the documentation's text."""

    model_config = SettingsConfigDict(env_prefix="MUNIMENT_", frozen=True, extra="forbid")

    home: Path = Field(description="Folder of this installation: catalogue, keys, store, inbox, work.")
    keys: Path | None = Field(None, description="Folder of the vault keys; better on another volume than the data.")
    key_ring: str | None = Field(
        None, description="Address of the key ring, by scheme; none: file: and the folder keys."
    )
    key_passphrase: SecretStr | None = Field(None, description="Passphrase of vault key files made from now on.")
    escrow: Path | None = Field(None, description="Folder where escrow shares are written until they are moved away.")
    inbox: Path | None = Field(
        None, description="Watched folders, one for each client's name; same file system as home."
    )
    language: Literal["auto", "en", "es"] = Field("auto", description="Language of what people read; auto: the locale.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("WARNING", description="What is logged, from.")

    database_url: str | None = Field(None, description="SQLAlchemy URL of a PostgreSQL database; none: SQLite in home.")
    database_password: SecretStr | None = Field(None, description="Password of the database, if not in the URL.")

    store: Literal["directory", "s3"] = Field("directory", description="Where sealed objects live.")
    s3_endpoint: str | None = Field(None, description="Address of the S3 service, with https://.")
    s3_access_key: SecretStr | None = Field(None, description="Access key of the S3 service.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret key of the S3 service.")
    s3_keeper_access_key: SecretStr | None = Field(
        None, description="Access key of who makes the bucket and lengthens locks; none: s3_access_key."
    )
    s3_keeper_secret_key: SecretStr | None = Field(None, description="Secret key of who lengthens locks.")
    s3_ca: Path | None = Field(None, description="File of the certificate authority of the S3 service.")
    s3_bucket: str = Field("originals", description="Bucket of sealed objects; made with Object Lock if absent.")
    s3_default_days: int = Field(7, ge=1, description="Short default lock of the bucket, in days.")
    retention_days: int = Field(
        365, ge=0, description="Lock asked for each original after its commit, in days; 0: not certain, only renewed."
    )
    renewal_days: int = Field(
        30, ge=3, description="Lock of an original still held when a third of these days is left, in days."
    )

    backup_days: int | None = Field(None, ge=1, description="Days after which the last backup is gone; none: never.")

    signer: Path | None = Field(
        None, description="Folder of the ledger signer's key and memory; another volume than the data; none: in keys."
    )
    ledger_origin: str | None = Field(
        None, description="Name of this installation's ledger, a URL without scheme; none: made at first use."
    )
    ledger_bucket: str = Field("ledger", description="Bucket of the published ledger, where store = s3.")
    ledger_days: int = Field(3650, ge=1, description="Lock of each full tile, bundle and kept checkpoint, in days.")
    ledger_seconds: float = Field(5.0, gt=0, description="How often `up` publishes, where events wait.")
    ledger_policy: Path | None = Field(
        None, description="File (tlog-policy) of the witnesses that must cosign before an export; none: nobody must."
    )
    witness_seconds: float = Field(600.0, ge=0, description="How long an export waits for the witnesses.")
    ledger_ml_dsa: bool = Field(False, description="Sign checkpoints with ML-DSA-44 (post-quantum) too.")

    search: Literal["tantivy", "opensearch"] = Field("tantivy", description="Search engine.")
    opensearch_url: str | None = Field(None, description="Address of OpenSearch, with https://.")
    opensearch_user: str | None = Field(None, description="User of OpenSearch.")
    opensearch_password: SecretStr | None = Field(None, description="Password of OpenSearch.")
    opensearch_ca: Path | None = Field(None, description="File of the certificate authority of OpenSearch.")
    opensearch_alias: str = Field("muniment", description="Alias of the index.")

    tsa_url: str | None = Field(
        None, description="Address of an RFC 3161 time-stamping authority; none: no time stamps."
    )
    tsa_roots: Path | None = Field(
        None, description="File (PEM) of the root certificates its time stamps must lead to."
    )
    tsa_policy: str | None = Field(None, description="Policy its time stamps must state, as an OID; none: any.")
    tsa_qualified: bool = Field(
        False, description="Call its time stamps qualified: you looked it up in the trusted list."
    )
    tsa_user: str | None = Field(None, description="User of the authority.")
    tsa_password: SecretStr | None = Field(None, description="Password of the authority.")
    tsa_ca: Path | None = Field(None, description="File of the certificate authority of its HTTPS; none: the system's.")
    tsa_hours: float = Field(24.0, gt=0, description="How often the newest checkpoint is stamped, in hours.")
    tsa_renew_days: int = Field(90, ge=1, description="Renew time stamps so many days before what they rest on ends.")
    algorithms: Path | None = Field(None, description="File of algorithms and their last days; none: the shipped one.")

    signature_roots: Path | None = Field(
        None, description="File (PEM) of the roots that signers of PDFs may lead to; none: no signer is trusted."
    )

    languages: str = Field("spa+eng", description="Tesseract languages, the likeliest first, joined by +.")
    ocr_engine: Literal["auto", "tesserocr", "pytesseract"] = Field("auto", description="Reading engine.")
    second_engine: Literal["auto", "none"] = Field(
        "auto", description="Second engine for receipts and weak pages; auto: where it is installed."
    )
    renderer: Literal["auto", "poppler", "pdfium"] = Field("auto", description="What draws PDF pages.")
    tessdata: str | None = Field(None, description="Folder of Tesseract's models; none: found where Debian puts it.")
    workers: int | None = Field(None, ge=1, description="Child processes that read pages; none: one a core.")
    page_seconds: float = Field(180.0, gt=0, description="Wall clock for one page before its child is ended.")
    page_pixels: int = Field(250_000_000, gt=0, description="Pixels of one page at most.")
    pages: int = Field(5_000, gt=0, description="Pages of one file at most.")
    file_bytes: int = Field(8 * 1024**3, gt=0, description="Bytes of one file at most.")
    child_bytes: int = Field(3 * 1024**3, gt=0, description="Address space of one child process.")
    class_folder: Path | None = Field(None, description="Folder of further record classes (TOML files).")
    words_folder: Path | None = Field(
        None, description="Folder of clients' own words for the reading engine: one text file for each client's name."
    )
    party_folder: Path | None = Field(None, description="Folder of known parties: one CSV file for each client's name.")
    party_database_url: str | None = Field(
        None, description="Database of known parties (postgresql:// or sqlite:///), asked where there is no CSV file."
    )
    party_database_password: SecretStr | None = Field(None, description="Its password, if not in the URL.")
    party_query: str = Field(
        "SELECT id, tax_id, name, aliases, accounts FROM known_parties WHERE client = :client",
        description="What it is asked; read only. :client is the client's name.",
    )
    reference_folder: Path | None = Field(
        None, description="Folder of orders, contracts and deliveries: one CSV file for each client's name."
    )
    reference_query: str | None = Field(
        None, description="What party_database_url is asked for them where there is no CSV file; :client is the name."
    )
    vies_url: str | None = Field(
        None, description="Address of VIES's REST service, to ask about EU VAT numbers; none: nothing is asked."
    )
    vies_requester: str | None = Field(None, description="Our own VAT number: with it each consultation has a number.")
    schematron_url: str | None = Field(
        None,
        description="Address of a service that runs EN 16931's rules; embedded invoices go there whole. None: off.",
    )
    schematron_folder: Path | None = Field(
        None, description="Folder of cii.xslt and ubl.xslt, sent along to a Saxon server; none: the XML goes alone."
    )

    time_zone: str = Field("Europe/Madrid", description="IANA time zone of a site for which none is said.")
    desk: str | None = Field(
        None, description="Place (path or barcode) of this workstation's desk; none: the only site's."
    )
    loan_days: int = Field(15, ge=1, description="Days paper is lent for; then the next open day.")
    loan_renewals: int = Field(2, ge=0, description="How often a loan may be renewed.")
    ready_days: int = Field(5, ge=1, description="Days a file is kept ready at the desk for who asked for it.")
    person_days: int = Field(365, ge=0, description="Days after a person's last loan until the person may be removed.")
    notice_days: int = Field(5, ge=1, description="Days a notice is tried by e-mail before it becomes a letter.")

    smtp_host: str | None = Field(None, description="Mail server that takes notices; none: letters only.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Its port.")
    smtp_tls: Literal["none", "starttls", "tls"] = Field("starttls", description="How the connection is secured.")
    smtp_ca: Path | None = Field(None, description="File of the certificate authority of the mail server.")
    smtp_user: str | None = Field(None, description="User of the mail server.")
    smtp_password: SecretStr | None = Field(None, description="Password of the mail server.")
    smtp_from: str | None = Field(None, description="Address that notices come from.")

    watch_seconds: float = Field(2.0, gt=0, description="How often watched folders are listed.")
    stable_seconds: float = Field(4.0, ge=0, description="How long a watched file must not change before it is taken.")
    arriving_seconds: float = Field(600.0, ge=0, description="How long a file that is not whole waits before refusal.")
    lease_seconds: float = Field(120.0, gt=0, description="How long a worker's lease lives without being renewed.")

    token: SecretStr | None = Field(None, description="Token of the person named by --as.")
    crash_at: int | None = Field(None, description="For tests: end the process hard when this numbered step is done.")


def load_settings() -> tuple[Settings, dict[str, str]]:
    """Read the settings; also return where each came from (`environment`, `file`, `default`).

    Raises:
        ConfigurationError: an unknown or impossible setting, named.
    """
    environment = dict(os.environ)
    home = Path(environment.get("MUNIMENT_HOME") or platformdirs.user_data_path("muniment", appauthor=False))
    from_file = _read_file(home / "muniment.toml")
    values: dict[str, Any] = {**from_file, "home": home.absolute()}
    origins = {name: "file" if name in from_file else "default" for name in Settings.model_fields}
    for name in Settings.model_fields:
        variable = f"MUNIMENT_{name.upper()}"
        if environment.get(variable):
            values.pop(name, None)
            origins[name] = "environment"
        elif name in SECRETS and environment.get(variable + "_FILE"):
            values[name] = _read_secret(Path(environment[variable + "_FILE"]), variable)
            origins[name] = "secret file"
    if environment.get("CRASH_AT") and "crash_at" not in values:
        values["crash_at"] = environment["CRASH_AT"]
    try:
        return Settings(**{**values, "home": home.absolute()}), origins
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ConfigurationError(f"settings do not hold: {wrong}") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"muniment.toml cannot be read: {error}") from error


def _read_secret(path: Path, variable: str) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{variable}_FILE cannot be read: {error.strerror}") from error


def read_file(path: Path, setting: str) -> bytes:
    """Return the bytes of a file that a setting names.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the file of {setting} cannot be read: {error.strerror}") from error


def run_environment() -> dict[str, str]:
    """Return a copy of the process's environment, for children that `up` starts."""
    return dict(os.environ)
