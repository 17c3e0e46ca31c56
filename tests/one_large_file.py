"""Take one large file into custody, from its claimed copy to its locked object, and say how long it took.

    python one_large_file.py MEBIBYTES    with the settings of the environment; prints one JSON document

Started by tests/service/test_flat_memory.py, which watches the memory of this process and its children. The file is no
picture, so the pipeline's structural check is left out: what is measured is sealing, storing, reading back, recording.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

from sqlalchemy import select

from custody import originals
from infra.services import open_services
from records.ids import BatchId, ClientId
from records.tables import clients
from tasks import batches, intake
from tasks.services import SYSTEM

MIB = 1 << 20


def make(path: Path, mebibytes: int) -> str:
    """Write a file that no compression makes small; return its digest."""
    digest, block = hashlib.sha256(), os.urandom(MIB - 8)
    with path.open("wb") as file:
        for number in range(mebibytes):
            part = number.to_bytes(8, "big") + block
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def main() -> None:
    mebibytes = int(sys.argv[1])
    services = open_services()
    path = services.places.work / "large"
    sha256 = make(path, mebibytes)
    with services.database.read() as connection:
        client = ClientId(connection.execute(select(clients.c.id)).scalar_one())
    batch = BatchId(batches.find_or_open(services, client, None, None, SYSTEM))
    scan = intake.offer(services, intake.Offer(client, batch, "ingest", None, SYSTEM), path)
    size = path.stat().st_size
    request = originals.Request(
        scan, client, path, sha256, size, "application/octet-stream", 1, SYSTEM, lambda _connection: None
    )
    started = time.monotonic()
    original = originals.accession(services.vault, request, lambda _connection, _original, _entry: None)
    took = time.monotonic() - started
    path.unlink()
    services.close()
    print(json.dumps({"original": original, "mib": mebibytes, "seconds": round(took, 1)}))


if __name__ == "__main__":
    main()
