"""What a benchmark measures of sealing: against nothing but a digest, and in how much memory.

`python -m cli.bench_sealing CLEAR SEALED RECIPIENT` seals one file as the product does, in a process of its own.
"""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pyrage

from cli.bench_memory import peak_mib
from custody.sealing import seal_file

SEED = 20261123
ROUNDS = 3  # of hashing and sealing, alternating
MEGABYTE = 1_000_000


def sealing_rates(folder: Path, size: int) -> dict[str, list[float]]:
    """Hash and seal a file of `size` bytes in turn, each time in a process of its own.

    Returns megabytes (10^6) per second of each round as `hash` and `seal`, and the largest resident set in MiB of the
    processes that sealed as `peak` (empty where the system does not tell).
    """
    clear, sealed = folder / "clear.bin", folder / "sealed.age"
    block = random.Random(SEED).randbytes(1 << 20)  # noqa: S311  filling, not a secret
    with clear.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    rates: dict[str, list[float]] = {"hash": [], "seal": [], "peak": []}
    command = [sys.executable, "-m", "cli.bench_sealing", str(clear), str(sealed), recipient]
    for _ in range(ROUNDS):
        began = perf_counter()
        with clear.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        rates["hash"].append(size / MEGABYTE / (perf_counter() - began))
        done = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        rates["seal"].append(size / MEGABYTE / done["seconds"])
        rates["peak"] += [] if done["peak_mib"] is None else [done["peak_mib"]]
    clear.unlink()
    sealed.unlink()
    return rates


if __name__ == "__main__":
    began = perf_counter()
    seal_file(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    json.dump({"seconds": perf_counter() - began, "peak_mib": peak_mib()}, sys.stdout)
