"""Packaging: CMake lists every script and resource, and the Extensions Index gets what it asks for."""

import json
import re
from pathlib import Path

import pytest

from list_in_cmake import MODULES, listed, resources_of, scripts_of

CHECKOUT = Path(__file__).resolve().parents[2]
TOP = (CHECKOUT / "CMakeLists.txt").read_text(encoding="utf-8")
INDEX_CATEGORIES = {"Segmentation", "Informatics", "Quantification", "Registration", "Diffusion", "IGT", "Radiotherapy", "Utilities"}


@pytest.mark.parametrize("module", MODULES)
def test_every_script_is_listed_and_no_entry_is_dead(module: str) -> None:
    assert sorted(listed(module, "MODULE_PYTHON_SCRIPTS")) == sorted(scripts_of(module)), "run python Testing/list_in_cmake.py"


@pytest.mark.parametrize("module", MODULES)
def test_every_resource_is_listed_and_no_entry_is_dead(module: str) -> None:
    assert sorted(listed(module, "MODULE_PYTHON_RESOURCES")) == sorted(resources_of(module)), "run python Testing/list_in_cmake.py"


def test_nothing_of_one_module_overwrites_the_other_when_installed() -> None:
    first, second = ({*scripts_of(module), *resources_of(module)} for module in MODULES)
    assert not first & second


def test_paths_stay_inside_the_module() -> None:
    for module in MODULES:
        for entry in (*listed(module, "MODULE_PYTHON_SCRIPTS"), *listed(module, "MODULE_PYTHON_RESOURCES")):
            assert not entry.startswith(("/", "..")), entry


def test_both_modules_and_the_shared_resources_are_built() -> None:
    assert [name for name in MODULES if f"add_subdirectory({name})" in TOP] == list(MODULES)
    target = re.escape("${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/Resources")
    copied = re.search(rf"file\(COPY ([^\n]+)\n\s*DESTINATION {target}\n", TOP)
    assert copied is not None
    for folder in copied[1].split():
        assert any((CHECKOUT / folder).rglob("*")), f"{folder} is empty"


@pytest.mark.parametrize("name", ["HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"])
def test_metadata_are_complete_and_quoted(name: str) -> None:
    match = re.search(rf'set\(EXTENSION_{name} "([^"\n]+)"\)', TOP)
    assert match is not None
    if name.endswith(("URL", "URLS")):
        for url in match[1].split():
            path = CHECKOUT / url.split("/raw/main/")[1]
            assert path.suffix == ".png" and path.is_file(), f"{url} would not be found"


def test_index_description_has_only_known_keys() -> None:
    project = re.search(r"^project\((\w+)\)", TOP, re.MULTILINE)
    assert project is not None and not project[1].startswith("Slicer")
    description = json.loads((CHECKOUT / f"{project[1]}.json").read_text(encoding="utf-8"))  # the Index checks that the names agree
    known = {"$schema", "category", "scm_url", "scm_revision", "build_dependencies", "build_subdirectory", "enabled", "tier"}
    assert {"$schema", "category", "scm_url"} <= set(description) <= known
    assert description["category"] in INDEX_CATEGORIES
    assert description["scm_url"].rsplit("/", 1)[1].startswith("Slicer")
    depends = re.search(r'set\(EXTENSION_DEPENDS "([^"]+)"\)', TOP)
    assert depends is not None
    assert description["build_dependencies"] == depends[1].split()


def test_every_module_has_its_icon() -> None:
    from PIL import Image

    for module in MODULES:
        with Image.open(CHECKOUT / module / "Resources" / "Icons" / f"{module}.png") as icon:
            assert icon.size == (128, 128) and icon.mode == "RGBA"


def test_installed_packages_have_floors_not_pins() -> None:
    lines = (CHECKOUT / "BrainMetsAI" / "Resources" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted and all(re.fullmatch(r"[a-z-]+>=[0-9.]+", line) for line in wanted)
