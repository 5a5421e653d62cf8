"""The task ``preflight``: what this computer has for the search. Works without torch, and says so."""

import ctypes
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from BrainMetsAILib.models.bundles import BundleError, bundles, check_weights
from BrainMetsAILib.worker.launching import all_threads
from BrainMetsAILib.worker.tasks import TaskContext


def run(task_input: Mapping[str, Any], output: Path, context: TaskContext) -> dict[str, Any]:
    """Look at packages, graphics card, memory, disk and networks.

    Returns
    -------
    dict
        ``python`` (version), ``torch`` (version, or null where it is not installed or does not load, then ``torch_error`` says why),
        ``gpu`` (name, or null) with ``gpu_gib``, ``cores``, ``memory_gib`` (null where unknown), ``disk_gib`` (free, where temporary
        files go), ``disk`` (that folder), ``networks`` (list of ``name``, ``version``, ``sha256``, ``problem``, which is empty where
        the checksum is right).
    """
    context.progress(0.1, "loading the packages")
    torch_facts = _torch()
    context.progress(0.7, "checking the networks")
    folder = tempfile.gettempdir()
    memory = memory_bytes()
    return {
        "python": platform.python_version(),
        **torch_facts,
        "cores": all_threads(),
        "memory_gib": None if memory is None else memory / 2**30,
        "disk_gib": shutil.disk_usage(folder).free / 2**30,
        "disk": folder,
        "networks": _networks(),
    }


def memory_bytes() -> int | None:
    """Main memory of the computer; None where the system does not say."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _windows_memory() -> int | None:
    kilobytes = ctypes.c_ulonglong(0)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (exists on Windows only, as type checkers know)
    return kilobytes.value * 1024 if kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)) else None


def _torch() -> dict[str, Any]:
    nothing: dict[str, Any] = {"torch": None, "torch_error": "", "gpu": None, "gpu_gib": None}
    try:
        import torch
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "torch"
        return {**nothing, "torch_error": "" if missing else str(error)}
    except OSError as error:  # a library that torch needs is missing or does not fit
        return {**nothing, "torch_error": str(error)}
    found = {**nothing, "torch": str(torch.__version__)}
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        found |= {"gpu": str(card.name), "gpu_gib": card.total_memory / 2**30}
    elif torch.backends.mps.is_available():
        found |= {"gpu": "Apple GPU"}
    return found


def _networks() -> list[dict[str, str]]:
    found = []
    for bundle in bundles():
        problem = ""
        try:
            check_weights(bundle)
        except BundleError as error:
            problem = str(error)
        found.append({"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256, "problem": problem})
    return found
