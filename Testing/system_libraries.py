"""Says which system libraries the Python packages need and this machine lacks, before anything is downloaded.

    python3 Testing/system_libraries.py              one clear sentence, exit 1 when something is missing
    python3 Testing/system_libraries.py --packages   only the names of the Debian/Ubuntu packages to install

The list is what `readelf -d` names in the shared libraries of vtk, slicer-core and PySide6 beyond what each Python brings.
"""

import ctypes
import importlib.util
import sys

PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libX11.so.6": "libx11-6",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libstdc++.so.6": "libstdc++6",
}


def present(library: str) -> bool:
    """Whether the dynamic loader finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_packages() -> list[str]:
    """Names of Debian packages for what is missing here; empty where nothing is, and on systems other than Linux."""
    wanted = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        wanted.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    if sys.platform.startswith("linux"):
        wanted += [package for library, package in PACKAGES.items() if not present(library)]
    return wanted


def main(arguments: list[str]) -> int:
    """Print and return the exit status."""
    wanted = missing_packages()
    if "--packages" in arguments:
        print(" ".join(wanted))
        return 0
    if wanted:
        names = " ".join(wanted)
        print(f"This machine lacks system packages that Python cannot bring along; as root: apt-get install {names}", file=sys.stderr)
    return int(bool(wanted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
