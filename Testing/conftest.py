"""Fixtures that every tier shares."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

# A shell starts its background jobs with Ctrl-C ignored, and their children inherit that: the tests of cancelling need it alive.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def scene() -> Iterator[Any]:
    """A clean, real MRML scene; also found as ``slicer.mrmlScene``."""
    from BrainMetsAILib.scene.headless import headless_scene

    yield headless_scene()
    headless_scene()
