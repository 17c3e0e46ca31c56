"""Asking an authority over HTTP: a real one answers; whatever else comes back is told by name, and never believed."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from time_authority import AuthorityServer, TimeAuthority

from custody.time_authority import HttpAuthority
from custody.timestamps import RESPONSE_LIMIT, Trust, read_roots, request_token
from infra.clients import time_authority
from infra.settings import Settings
from records.errors import AuthorityUnavailableError, ConfigurationError, TimestampError

DATA = b"checkpoint\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "tsa", key="P-256")


@pytest.fixture
def server(authority: TimeAuthority) -> Iterator[AuthorityServer]:
    server = AuthorityServer(authority.answer)
    yield server
    server.close()


@pytest.fixture
def trust(authority: TimeAuthority) -> Trust:
    return Trust(read_roots(authority.roots.read_bytes()))


def settings(home: Path, url: str, **more: str) -> Settings:
    return Settings(home=home, tsa_url=url, **more)  # type: ignore[arg-type]  # as text, like from the environment


def test_a_real_authority_answers(home: Path, server: AuthorityServer, trust: Trust) -> None:
    client = time_authority(settings(home, server.url))
    assert client is not None
    token, stamp = request_token(client, DATA, trust)
    assert stamp.serial > 0 and token.startswith(b"\x30") and server.asked == 1


def test_what_it_wants_besides_is_sent(server: AuthorityServer, trust: Trust) -> None:
    client = HttpAuthority(urllib3.PoolManager(), server.url, {"Authorization": "Basic eDp5"})
    request_token(client, DATA, trust)
    assert server.headers["Authorization"] == "Basic eDp5"


def test_a_password_is_never_sent_in_clear(home: Path) -> None:
    assert time_authority(settings(home, "https://example.org/", tsa_user="ana", tsa_password="s3cret")) is not None
    with pytest.raises(ConfigurationError):
        time_authority(settings(home, "http://example.org/", tsa_user="ana", tsa_password="s3cret"))


WRONG: dict[str, Callable[[AuthorityServer], None]] = {
    "a refusal by status": lambda server: setattr(server, "status", 403),
    "a redirect": lambda server: setattr(server, "status", 302),
    "a page instead": lambda server: setattr(server, "media_type", "text/html"),
    "too much": lambda server: setattr(server, "answer", lambda query: b"\x30" * (RESPONSE_LIMIT + 1)),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_answer_is_told(
    change: Callable[[AuthorityServer], None], home: Path, server: AuthorityServer, trust: Trust
) -> None:
    change(server)
    client = time_authority(settings(home, server.url))
    assert client is not None
    with pytest.raises(AuthorityUnavailableError):
        request_token(client, DATA, trust)


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"\x30\x05\x30\x03\x02\x01\x02"], ids=["nothing", "text", "refused"]
)
def test_an_answer_that_is_no_token_is_not_believed(
    answer: bytes, home: Path, server: AuthorityServer, trust: Trust
) -> None:
    server.answer = lambda query: answer
    client = time_authority(settings(home, server.url))
    assert client is not None
    with pytest.raises(TimestampError):
        request_token(client, DATA, trust)


def test_nobody_there_is_told_and_may_be_tried_again(home: Path, trust: Trust) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = time_authority(settings(home, f"http://127.0.0.1:{port}/"))
    assert client is not None
    with pytest.raises(AuthorityUnavailableError) as told:
        request_token(client, DATA, trust)
    assert told.value.retryable


def test_without_an_address_there_is_none(home: Path) -> None:
    assert time_authority(Settings(home=home)) is None
    with pytest.raises(ConfigurationError):
        time_authority(settings(home, "ftp://example.org"))
