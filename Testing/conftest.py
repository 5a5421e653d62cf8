"""Fixtures that every tier shares."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def scene() -> Iterator[Any]:
    """A clean, real MRML scene; also found as ``slicer.mrmlScene``."""
    from BrainMetsAILib.scene.headless import headless_scene

    yield headless_scene()
    headless_scene()
