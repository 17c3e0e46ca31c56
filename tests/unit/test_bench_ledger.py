"""The ledger's benchmark measures what it says, on a ledger that holds; a walk that does not hold is told."""

from cli import bench_ledger
from infra.services import Services


def test_appending_is_measured_against_the_bare_limit(services: Services) -> None:
    rates = bench_ledger.event_rates(services, 10, 1_000)
    assert rates.keys() == {"one", "commit", "cpu", "100", "cpu_100", "1000", "cpu_1000", "bare"}
    assert 0 < rates["one"] < rates["bare"] and 0 < rates["100"] < rates["bare"] and rates["commit"] > 0
    assert 0 < rates["cpu_1000"] < rates["cpu"]


def test_walk_and_verifying_hold_and_a_changed_tile_does_not(services: Services) -> None:
    found = bench_ledger.verifying(services, 1_000)
    assert found["events"] >= 1_000
    for mode in bench_ledger.MODES:
        assert found[mode]["holds"] and found[mode]["cpu_seconds"] > 0 and found[mode]["peak_mib"] > 1
    bundle = services.places.ledger / "tile/entries/000"
    bundle.chmod(0o600)
    data = bytearray(bundle.read_bytes())
    data[40] ^= 1
    bundle.write_bytes(data)
    keys = [key.vkey for key in services.signing.public_keys()]
    for mode in bench_ledger.MODES:
        assert not bench_ledger._measured(mode, services.places.ledger, keys)["holds"]
