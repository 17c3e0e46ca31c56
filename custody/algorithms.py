"""The inventory of algorithms that evidence rests on, with the last day of each: data, custody/algorithms.toml.

An algorithm that the inventory does not know has ended: nothing may rest on what nobody has judged (ETSI TS 119 511
asks that evidence is augmented before its algorithms weaken; custody reference, section 9).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources

from records.errors import ConfigurationError

ENDED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Algorithms:
    """The last day of each algorithm, by name; RSA by the least bits of its key."""

    until: Mapping[str, date]

    def end_of(self, name: str) -> datetime:
        """Return the instant after which nothing may rest on an algorithm; long ago where it is not known."""
        last = self.until.get(self._known_as(name))
        return ENDED if last is None else datetime.combine(last + timedelta(days=1), time(0), UTC)

    def _known_as(self, name: str) -> str:
        family, _, bits = name.partition("-")
        if family != "rsa" or not bits.isdigit():
            return name
        named = [known for known in self.until if known.startswith("rsa-")]
        fitting = [known for known in named if int(known.removeprefix("rsa-")) <= int(bits)]
        return max(fitting, key=lambda known: int(known.removeprefix("rsa-")), default=name)


def parse_algorithms(text: str) -> Algorithms:
    """Read an inventory: a table `until` of names and dates (TOML).

    Raises:
        ConfigurationError: another form.
    """
    try:
        until = tomllib.loads(text)["until"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigurationError("the inventory of algorithms has no table 'until'") from error
    if not isinstance(until, dict) or not all(_is_entry(name, day) for name, day in until.items()):
        raise ConfigurationError("the inventory of algorithms names a day, YYYY-MM-DD, for each")
    return Algorithms(until)


def shipped_algorithms() -> Algorithms:
    """Return the inventory that comes with Muniment."""
    return parse_algorithms(resources.files("custody").joinpath("algorithms.toml").read_text("utf-8"))


def _is_entry(name: str, day: object) -> bool:
    bits = name.removeprefix("rsa-")
    return type(day) is date and (bits == name or bits.isdigit())
