"""What the worker found on this computer, as lines for a person. Needs no Qt."""

from collections.abc import Mapping
from typing import Any

from slicer.i18n import tr as _

LITTLE_MEMORY_GIB = 8.0
LITTLE_DISK_GIB = 5.0


def preflight_lines(found: Mapping[str, Any]) -> list[str]:
    """One line a thing: ✓ where it will do, ✗ where the search cannot run, ⚠ where it may be slow or fail.

    Parameters
    ----------
    found
        Result of the worker's task ``preflight``.
    """
    return [_torch(found), _gpu(found), _memory(found), _disk(found), *_networks(found)]


def _torch(found: Mapping[str, Any]) -> str:
    if found["torch"]:
        return "✓ " + _("PyTorch {version}, Python {python}").format(version=found["torch"], python=found["python"])
    if found["torch_error"]:
        broken = _(
            "PyTorch is installed but does not load ({reason}). Restart Slicer; if that does not help, type "
            "slicer.util.pip_uninstall('torch') in its Python console and restart: “Find lesions” then offers to install it again."
        )
        return "✗ " + broken.format(reason=found["torch_error"])
    return "✗ " + _("PyTorch is not installed, so lesions cannot be found. “Find lesions” offers to install it.")


def _gpu(found: Mapping[str, Any]) -> str:
    if found["gpu"] and found["gpu_gib"]:
        return "✓ " + _("Graphics card {name} with {size} GB can be used.").format(name=found["gpu"], size=f"{found['gpu_gib']:.0f}")
    if found["gpu"]:
        return "✓ " + _("Graphics card {name} can be used.").format(name=found["gpu"])
    if not found["torch"]:
        return "⚠ " + _("Whether a graphics card can be used shows once PyTorch works.")
    slow = _("No graphics card can be used: the search runs on {cores} processor cores and takes minutes.")
    return "⚠ " + slow.format(cores=found["cores"])


def _memory(found: Mapping[str, Any]) -> str:
    if found["memory_gib"] is None:
        unknown = _("How much memory there is could not be found out; {needed} GB are needed.")
        return "⚠ " + unknown.format(needed=f"{LITTLE_MEMORY_GIB:.0f}")
    size = f"{found['memory_gib']:.0f}"
    if found["memory_gib"] < LITTLE_MEMORY_GIB - 0.5:
        return "⚠ " + _("{size} GB of memory: little; large images may not fit. Close other programs first.").format(size=size)
    return "✓ " + _("{size} GB of memory").format(size=size)


def _disk(found: Mapping[str, Any]) -> str:
    size = f"{found['disk_gib']:.0f}"
    if found["disk_gib"] < LITTLE_DISK_GIB:
        little = _("{size} GB of disk free for temporary files: little; make space on the disk of {folder}.")
        return "⚠ " + little.format(size=size, folder=found["disk"])
    return "✓ " + _("{size} GB of disk free for temporary files").format(size=size)


def _networks(found: Mapping[str, Any]) -> list[str]:
    if not found["networks"]:
        return ["✗ " + _("No network is installed; reinstall the extension.")]
    return [
        "✗ " + network["problem"] if network["problem"]
        else "✓ " + _("Network {name} {version}, checksum {digits}… right").format(
            name=network["name"], version=network["version"], digits=network["sha256"][:8]
        )
        for network in found["networks"]
    ]
