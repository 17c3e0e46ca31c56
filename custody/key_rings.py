"""Key rings by the scheme of their address: `file:` first; another kind of ring is one more row of the table.

docs/custody-keys.md says in prose how PKCS#11 or Vault would stand behind the same contract.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from custody.keys import FileKeyRing, KeyRing
from records.errors import ConfigurationError


def _file_ring(address: str, escrow: Path, passphrase: str | None) -> KeyRing:
    parts = urlsplit(address)
    if parts.netloc or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise ConfigurationError("the address of a key ring in a folder is file:/ABSOLUTE/PATH")
    return FileKeyRing(Path(unquote(parts.path)), escrow, passphrase)


RING_FOR_SCHEME: Mapping[str, Callable[[str, Path, str | None], KeyRing]] = {"file": _file_ring}


def open_key_ring(address: str, escrow: Path, passphrase: str | None = None) -> KeyRing:
    """Return the key ring at an address.

    Args:
        address: `scheme:...`, such as `file:/media/keys`.
        escrow: folder that gets the escrow shares of new epochs.
        passphrase: of the ring, where its scheme takes one.

    Raises:
        ConfigurationError: no ring has this scheme, or the address has not its form.
    """
    scheme = urlsplit(address).scheme
    if scheme not in RING_FOR_SCHEME:
        known = ", ".join(f"{name}:" for name in RING_FOR_SCHEME)
        raise ConfigurationError(f"no key ring has the scheme {scheme!r}; there are: {known}")
    return RING_FOR_SCHEME[scheme](address, escrow, passphrase)
