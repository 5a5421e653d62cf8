"""Writes the lists of scripts and resources into the modules' CMakeLists.txt: ``python Testing/list_in_cmake.py``.

CMake has to name every file it installs; a test compares these lists with what is there.
"""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
MODULES = ("BrainMetsAI", "BrainMetsAIResponse")


def scripts_of(module: str) -> list[str]:
    """Python files of a module, relative to its folder, the module's own file first."""
    folder = CHECKOUT / module
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    return [f"{module}.py", *(path for path in found if path != f"{module}.py")]


def resources_of(module: str) -> list[str]:
    """Files below the module's Resources, relative to its folder."""
    folder = CHECKOUT / module
    return sorted(path.relative_to(folder).as_posix() for path in (folder / "Resources").rglob("*") if path.is_file())


def listed(module: str, name: str) -> list[str]:
    """Entries of one list in the module's CMakeLists.txt, with the module's name filled in."""
    text = (CHECKOUT / module / "CMakeLists.txt").read_text(encoding="utf-8")
    match = re.search(rf"set\({name}\n(.*?)\n\s*\)", text, re.DOTALL)
    if match is None:
        raise ValueError(f"{module}/CMakeLists.txt sets no {name}")
    lines = (line.split("#")[0].strip() for line in match[1].splitlines())
    return [line.replace("${MODULE_NAME}", module) for line in lines if line]


def main() -> None:
    """Rewrite both lists of both modules."""
    for module in MODULES:
        path = CHECKOUT / module / "CMakeLists.txt"
        text = path.read_text(encoding="utf-8")
        for name, entries in (("MODULE_PYTHON_SCRIPTS", scripts_of(module)), ("MODULE_PYTHON_RESOURCES", resources_of(module))):
            lines = "\n".join(f"  {entry}" for entry in entries)
            text = re.sub(rf"set\({name}\n.*?\n\s*\)", f"set({name}\n{lines}\n  )", text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
