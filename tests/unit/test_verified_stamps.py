"""Step 11 of the verification with tokens of a real authority: good ones, over other bytes, and under foreign roots."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import urllib3
from ledger_making import LOG, a_life, an_event, an_id, leaf_of, many_lives, placed, publish, write
from time_authority import AuthorityServer, TimeAuthority

from custody.time_authority import HttpAuthority
from custody.timestamps import Trust, read_roots, request_token

SIZE = 300


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[TimeAuthority, TimeAuthority]:
    folder = tmp_path_factory.mktemp("authorities")
    return TimeAuthority(folder / "own", key="P-256"), TimeAuthority(folder / "foreign", key="P-256")


def token_of(authority: TimeAuthority, data: bytes) -> bytes:
    server = AuthorityServer(authority.answer)
    try:
        return request_token(
            HttpAuthority(urllib3.PoolManager(retries=False), server.url, {}),
            data,
            Trust(read_roots(authority.roots.read_bytes())),
        )[0]
    finally:
        server.close()


def test_tokens_are_believed_over_their_checkpoint_and_under_their_roots_only(
    run: Any, authorities: tuple[TimeAuthority, TimeAuthority], tmp_path: Path
) -> None:
    own, foreign = authorities
    folder, vkey = tmp_path / "ledger", tmp_path / "log.vkey"
    publish(folder, many_lives(SIZE), [256, SIZE])
    vkey.write_text(LOG.key.vkey + "\n")

    def verdict(roots: Path) -> tuple[int, list[tuple[str, str]], str]:
        answer = run("verify", "ledger", "--dir", folder, "--vkey", vkey, "--tsa-roots", roots, "--json")
        step = next(step for step in answer.document["steps"] if step["name"] == "time stamps hold")
        found = [(problem["kind"], problem["object"]) for problem in answer.document["problems"]]
        return answer.code, found, step["outcome"]

    name = f"timestamps/{SIZE}.tsr"
    refused = (1, [("timestamp", name)], "does not hold")
    assert verdict(own.roots) == (2, [], "could not check")  # without any token nothing is proved
    write(folder / name, token_of(own, (folder / "checkpoint").read_bytes()))
    assert verdict(own.roots) == (0, [], "holds")
    assert verdict(foreign.roots) == refused
    write(folder / name, token_of(own, (folder / "checkpoints/256").read_bytes()))  # a good token, over other bytes
    assert verdict(own.roots) == refused
    write(folder / name, b"no token")
    assert verdict(own.roots) == refused


TOKENS = {256: b"the first token", 280: b"the second token"}


def named(size: int, token: bytes) -> dict[str, Any]:
    obj = {"file": f"timestamps/{size}.tsr", "sha256": hashlib.sha256(token).hexdigest(), "size": size}
    return an_event("checkpoint_timestamped", an_id("evt", 10**6 + size), obj=obj)


@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        ({}, 0, []),
        ({"timestamps/256.tsr": None}, 1, [("timestamp", "timestamps/256.tsr", 290)]),
        ({"timestamps/280.tsr": b"another token"}, 1, [("timestamp", "timestamps/280.tsr", 291)]),
        ({"timestamps/100.tsr": b"a foreign token"}, 2, [("timestamp", "timestamps/100.tsr", None)]),
        ({"timestamps/300.tsr": b"the newest: its event comes with the next checkpoint"}, 0, []),
    ],
)
def test_tokens_are_compared_with_the_events_that_name_them_without_any_roots(
    run: Any, tmp_path: Path, change: dict[str, bytes | None], code: int, expected: list[Any]
) -> None:
    folder, vkey = tmp_path / "ledger", tmp_path / "log.vkey"
    events = [event for number in range(1, 40) for event in a_life(number)][:SIZE]
    events[290:292] = [named(size, token) for size, token in TOKENS.items()]
    events = events[:292]
    publish(folder, [leaf_of(event) for event in placed(events)], [100, 256, 280, 292])
    vkey.write_text(LOG.key.vkey + "\n")
    for size, token in TOKENS.items():
        write(folder / f"timestamps/{size}.tsr", token)
    for name, data in change.items():
        if data is None:
            (folder / name).unlink()
        else:
            write(folder / name, data)
    answer = run("verify", "ledger", "--dir", folder, "--vkey", vkey, "--json")
    found = [(problem["kind"], problem["object"], problem["seq"]) for problem in answer.document["problems"]]
    assert (answer.code, found) == (code, expected)
