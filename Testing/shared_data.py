"""Where the tests find the real volumes that lie beside a checkout."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_volume(relative: str) -> Path:
    """Path of a volume or folder under ``../shared/data``; skips the test where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"the real volume {relative} is not on this machine (../shared/data)")
    return path
