"""Which Python packages the worker needs, which of them are missing, and the commands that install them. Needs no Qt."""

import importlib.metadata
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"([A-Za-z0-9._-]+)\s*(?:>=\s*([0-9.]+))?$")
TORCH = "torch"


@dataclass(frozen=True)
class Requirement:
    """A package with the lowest version that will do."""

    name: str
    floor: str = ""

    @property
    def text(self) -> str:
        """As pip reads it."""
        return f"{self.name}>={self.floor}" if self.floor else self.name


def read_requirements(path: Path) -> tuple[Requirement, ...]:
    """The packages of a requirements file whose lines say ``name`` or ``name>=version``; raises ValueError for others."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].strip()
        if words:
            match = _LINE.fullmatch(words)
            if match is None:
                raise ValueError(f"{path.name} has a line that is no package with a floor: {words}")
            found.append(Requirement(match[1], match[2] or ""))
    return tuple(found)


def installed_version(name: str) -> str | None:
    """Version of an installed package, without importing it; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing_requirements(
    requirements: Sequence[Requirement], version_of: Callable[[str], str | None] = installed_version
) -> tuple[Requirement, ...]:
    """Those that are not installed, or too old."""
    return tuple(requirement for requirement in requirements if not _satisfied(requirement, version_of(requirement.name)))


def _satisfied(requirement: Requirement, version: str | None) -> bool:
    return version is not None and _parts(version) >= _parts(requirement.floor)


def _parts(version: str) -> tuple[int, ...]:
    """Numbers of a version, without what follows them: ``2.13.0+cpu`` → (2, 13), trailing zeros left out."""
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def install_commands(missing: Sequence[Requirement], wheels: Path | None = None, driver_aware: bool = False) -> tuple[tuple[str, ...], ...]:
    """Arguments for the Python interpreter, one command after the other.

    Parameters
    ----------
    missing
        What to install.
    wheels
        A folder of wheels to install from, without internet.
    driver_aware
        Install torch through light-the-torch, as Slicer's PyTorch extension does: it takes the build that suits the graphics driver.
    """
    if wheels is not None:
        return (("-m", "pip", "install", "--no-index", "--find-links", str(wheels), *(r.text for r in missing)),)
    torch = [requirement for requirement in missing if requirement.name == TORCH]
    others = [requirement for requirement in missing if requirement.name != TORCH]
    commands: list[tuple[str, ...]] = []
    if torch and driver_aware:
        commands.append(("-m", "pip", "install", "light-the-torch>=0.5"))
        commands.append(("-m", "light_the_torch", "install", torch[0].text))
    else:
        others = [*torch, *others]
    if others:
        commands.append(("-m", "pip", "install", *(requirement.text for requirement in others)))
    return tuple(commands)
