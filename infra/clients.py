"""Clients of the servers that the settings name; what is given to the adapters of custody and search."""

from types import TracebackType
from typing import Self

import urllib3
from minio import Minio
from opensearchpy import OpenSearch
from pydantic import SecretStr
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import MaxRetryError, ResponseError

from custody.time_authority import HttpAuthority
from infra.settings import Settings
from records.errors import ConfigurationError


class PutOnce(urllib3.Retry):
    """Retries that never send an object twice: a lost answer says nothing, and a second put is one more version.

    The store itself asks what became of such a put (custody reference, section 5, step 3). What never reached the
    server, the parts of an upload and every other idempotent call are sent again.
    """

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """See urllib3.Retry.increment."""
        is_object = method == "PUT" and "partNumber=" not in (url or "")
        if is_object and _pool is not None and not (error and self._is_connection_error(error)):
            raise MaxRetryError(_pool, url or "", error or ResponseError("not sent again"))
        return super().increment(method, url, response, error, _pool, _stacktrace)


def minio_client(settings: Settings) -> Minio:
    """Return a client of the S3 service, of the identity that stores and reads.

    Raises:
        ConfigurationError: a setting that S3 needs is missing.
    """
    return _minio_client(settings, settings.s3_access_key, settings.s3_secret_key)


def minio_keeper(settings: Settings) -> Minio:
    """Return a client of the identity that makes the bucket, lengthens locks and removes; by default who stores.

    Raises:
        ConfigurationError: a setting that S3 needs is missing, or one of the keeper's two is.
    """
    access, secret = settings.s3_keeper_access_key, settings.s3_keeper_secret_key
    if (access is None) != (secret is None):
        raise ConfigurationError("s3_keeper_access_key and s3_keeper_secret_key go together")
    return _minio_client(settings, access or settings.s3_access_key, secret or settings.s3_secret_key)


def _minio_client(settings: Settings, access: SecretStr | None, secret: SecretStr | None) -> Minio:
    """Return a client over HTTPS with its own authority, bounded waiting, few retries."""
    if not (settings.s3_endpoint and access and secret):
        raise ConfigurationError("store = s3 needs s3_endpoint, s3_access_key and s3_secret_key")
    scheme, _, host = settings.s3_endpoint.rpartition("://")
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=120),
        maxsize=16,
        retries=PutOnce(total=3, backoff_factor=0.2, status_forcelist=[502, 503, 504], raise_on_status=False),
        ca_certs=str(settings.s3_ca) if settings.s3_ca else None,
        cert_reqs="CERT_REQUIRED",
    )
    return Minio(
        host,
        access_key=access.get_secret_value(),
        secret_key=secret.get_secret_value(),
        secure=scheme != "http",
        http_client=pool,
    )


def opensearch_client(settings: Settings) -> OpenSearch:
    """Return a client of OpenSearch.

    Raises:
        ConfigurationError: a setting that OpenSearch needs is missing.
    """
    if not settings.opensearch_url:
        raise ConfigurationError("search = opensearch needs opensearch_url")
    user, password = settings.opensearch_user, settings.opensearch_password
    return OpenSearch(
        settings.opensearch_url,
        http_auth=(user, password.get_secret_value()) if user and password else None,
        ca_certs=str(settings.opensearch_ca) if settings.opensearch_ca else None,
        verify_certs=True,
        timeout=60,
        max_retries=3,
        retry_on_timeout=True,
    )


def time_authority(settings: Settings) -> HttpAuthority | None:
    """Return the time-stamping authority that the settings name; None where they name none.

    Raises:
        ConfigurationError: its address is none, or would take a password in clear.
    """
    if not settings.tsa_url:
        return None
    if not settings.tsa_url.startswith(("https://", "http://")):
        raise ConfigurationError("tsa_url begins with https:// or http://")
    client = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=30),
        retries=urllib3.Retry(total=2, backoff_factor=0.5, redirect=0, allowed_methods=None),
        ca_certs=str(settings.tsa_ca) if settings.tsa_ca else None,
        cert_reqs="CERT_REQUIRED",
    )
    headers = {}
    if settings.tsa_user and settings.tsa_password:
        if not settings.tsa_url.startswith("https://"):
            raise ConfigurationError("tsa_password would be sent in clear: tsa_url needs https://")
        headers = urllib3.make_headers(basic_auth=f"{settings.tsa_user}:{settings.tsa_password.get_secret_value()}")
    return HttpAuthority(client, settings.tsa_url, headers)
