"""`muniment config`: every setting, its value and where it comes from; secrets are never shown."""

import re
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from cli.frame import Frame, _, command
from infra.settings import Settings, load_settings

commands = click.Group()
HIDDEN = "********"
_PASSWORD = re.compile(r"(//[^/@:]*:).*@")  # of an address: user:password@host


@commands.group("config")
def config() -> None:
    """Show the settings."""


@command(config, "show")
def show_command(frame: Frame) -> None:
    """Show every setting, its value and where it comes from; secrets are hidden. Nothing is opened or made."""
    settings, origins = load_settings()
    rows = [
        {
            "name": name, "value": _shown(getattr(settings, name)), "origin": origins[name],
            "variable": f"MUNIMENT_{name.upper()}", "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip
    document = {"home": str(settings.home), "file": str(settings.home / "muniment.toml"), "settings": rows}
    frame.answer(document, lambda: _plain(document))


def _shown(value: object) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, str):
        return _PASSWORD.sub(rf"\g<1>{HIDDEN}@", value)
    return str(value) if isinstance(value, Path) else value


def _plain(document: dict[str, Any]) -> str:
    lines = [_("Settings of {home}; file: {file}").format(**document)]
    for row in document["settings"]:
        value = "-" if row["value"] is None else str(row["value"])
        lines.append(f"  {row['name']:<20} {value:<40} {_(row['origin'])}")
    return "\n".join(lines)
