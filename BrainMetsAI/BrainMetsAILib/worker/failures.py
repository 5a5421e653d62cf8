"""What a person is told when a task fails: always one sentence, whatever was raised. The traceback goes into the details."""

import traceback

from BrainMetsAILib.worker.protocol import Failure

INSTALLABLE = {"torch": "PyTorch", "safetensors": "safetensors", "scipy": "SciPy", "SimpleITK": "SimpleITK", "pydicom": "pydicom"}
_MEMORY_WORDS = (
    "out of memory", "not enough memory", "bad_alloc", "failed to allocate", "can't allocate", "cannot allocate", "_alloc_failed",
)  # fmt: skip
_CARD_WORDS = ("cuda", "cudnn", "cublas", "mps")


def failure_of(number: int, task: str, error: BaseException) -> Failure:
    """The failure of task `number` for what it raised."""
    details = "".join(traceback.format_exception(error))
    return Failure(number, sentence_for(task, error), details)


def sentence_for(task: str, error: BaseException) -> str:
    """One sentence that says why and what to do."""
    if is_out_of_memory(error):
        if any(word in str(error).lower() for word in _CARD_WORDS):
            return "The graphics card does not have enough memory for this image: compute on the processor (device cpu) instead."
        return "This computer does not have enough free memory for this image: close other programs and run again."
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] in INSTALLABLE:
        package = error.name.split(".")[0]
        return f"{INSTALLABLE[package]} is not installed for this Python: install the package {package} and try again."
    if type(error).__module__.startswith("BrainMetsAI") and str(error):
        return str(error)
    if isinstance(error, ImportError):
        return f"A package does not load ({_first_line(error)}): reinstall it and try again."
    if isinstance(error, OSError):
        return f"A file could not be read or written ({_first_line(error)}): check that the disk is not full and try again."
    if isinstance(error, KeyError):
        return f"The task '{task}' was asked for without {error}; update the extension, whose parts do not fit."
    return f"The task '{task}' failed ({type(error).__name__}: {_first_line(error)}); please report this with the details."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; numpy, PyTorch and ITK each say so in their own way."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else "no further word"
