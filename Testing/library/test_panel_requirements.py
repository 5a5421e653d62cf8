"""Requirements with floors, read and compared without Qt."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BrainMetsAILib.panel.requirements import Requirement, install_commands, missing_requirements, read_requirements


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# words\n\ntorch>=2.4  # why\nsafetensors >= 0.4.3\nplain\n", encoding="utf-8")
    assert read_requirements(path) == (Requirement("torch", "2.4"), Requirement("safetensors", "0.4.3"), Requirement("plain"))
    path.write_text("torch==2.4\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"torch==2\.4"):
        read_requirements(path)


@pytest.mark.parametrize(
    ("version", "enough"),
    [("2.4", True), ("2.4.0", True), ("2.10.1+cu126", True), ("2.13.0+cpu", True), ("2.3.9", False), ("1.13", False), (None, False)],
)
def test_floor(version: str | None, enough: bool) -> None:
    assert bool(missing_requirements((Requirement("torch", "2.4"),), lambda name: version)) is not enough


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_floors_order_as_versions_do(floor: list[int], version: list[int]) -> None:
    text, floor_text = ".".join(map(str, version)), ".".join(map(str, floor))
    padded = [[*numbers, 0, 0, 0, 0][:4] for numbers in (version, floor)]
    missing = missing_requirements((Requirement("x", floor_text),), lambda name: text)
    assert bool(missing) == (padded[0] < padded[1])


def test_commands_never_pin_and_never_upgrade() -> None:
    commands = install_commands((Requirement("torch", "2.4"), Requirement("safetensors", "0.4.3")), Path("/w"))
    assert commands == (("-m", "pip", "install", "--no-index", "--find-links", "/w", "torch>=2.4", "safetensors>=0.4.3"),)
    for driver_aware in (False, True):
        for command in install_commands((Requirement("torch", "2.4"), Requirement("safetensors")), None, driver_aware):
            assert not {"--upgrade", "-U", "--force-reinstall"} & set(command)
            assert not any("==" in word for word in command)
