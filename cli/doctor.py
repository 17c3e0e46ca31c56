"""`muniment doctor`: is everything here that is needed, and what to type where it is not."""

import subprocess
from dataclasses import asdict
from textwrap import wrap
from typing import Any

import click

from cli.checkup import Check, machine_checks
from cli.checkup_home import home_checks
from cli.frame import Frame, _, command, finish
from infra.settings import load_settings
from records.errors import ConfigurationError

commands = click.Group()
NOT_OK = 2
INSTALLS = "apt-get install"
COLUMNS = 100


@command(commands, "doctor")
@click.option("--install", is_flag=True, help="Install the Debian packages that are missing (as root, or with sudo).")
def doctor_command(frame: Frame, install: bool) -> None:
    """Check this machine and installation; every fix is a command to type. Trying the store's locks is an event."""
    checks = _examine(frame)
    if install and _install(frame, [check for check in checks if not check.ok]):
        checks = _examine(frame)
    ok = all(check.ok for check in checks if check.level == "needed")
    frame.answer({"ok": ok, "checks": [_answer(check) for check in checks]}, lambda: _plain(checks, ok))
    if not ok:
        finish(NOT_OK)


def _examine(frame: Frame) -> list[Check]:
    try:
        settings, _origins = load_settings()
    except ConfigurationError as error:
        return [Check("settings", False, str(error), "docs/configuration.md", "muniment config show")]
    return [
        Check("settings", True, str(settings.home), "docs/configuration.md"),
        *machine_checks(settings),
        *home_checks(settings, lambda: frame.services),
    ]


def _answer(check: Check) -> dict[str, Any]:
    return {**asdict(check), "fix": None if check.ok else check.fix}


def _install(frame: Frame, missing: list[Check]) -> bool:
    """Run the fixes that install Debian packages, their output on standard error; tell whether any was run."""
    commands_ = list(dict.fromkeys(check.fix for check in missing if check.fix and INSTALLS in check.fix))
    for line in commands_:
        frame.hint(line)
        try:
            code = subprocess.run(line.split(), stdout=2, check=False).returncode
        except OSError as error:
            frame.hint(_("This could not be run: {why}").format(why=error.strerror))
            return False
        if code:
            frame.hint(_("This ended with {code}.").format(code=code))
    return bool(commands_)


def _plain(checks: list[Check], ok: bool) -> str:
    lines = []
    for check in checks:
        mark = "ok" if check.ok else "--" if check.level == "advice" else "XX"
        first, *rest = wrap(check.found, COLUMNS - 26) or [""]
        lines.append(f"  {mark}  {check.name:<20} {first}".rstrip())
        lines += [" " * 27 + line for line in rest]
        if not check.ok:
            lines.append(f"      {_('wanted')}: {check.wanted}")
            if check.fix:
                lines.append(f"      {_('type')}:   {check.fix}")
    wrong = sum(1 for check in checks if not check.ok and check.level == "needed")
    advice = sum(1 for check in checks if not check.ok and check.level == "advice")
    verdict = _("All that is needed is here.") if ok else _("{count} of what is needed is missing.").format(count=wrong)
    if advice:
        verdict += " " + _("{count} pieces of advice (--).").format(count=advice)
    return "\n".join([*lines, verdict])
