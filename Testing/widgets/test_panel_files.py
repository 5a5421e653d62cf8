"""The .ui files and the code that uses them, read as text."""

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = sorted(CHECKOUT.glob("BrainMetsAI*/Resources/UI/*.ui"))
CODE = {
    "BrainMetsAI": sorted((CHECKOUT / "BrainMetsAI" / "BrainMetsAILib" / "panel").glob("*.py")),
    "BrainMetsAIResponse": sorted((CHECKOUT / "BrainMetsAIResponse" / "BrainMetsAIResponseLib" / "panel").glob("*.py")),
}


def names_in(module: str) -> set[str]:
    """Names of all widgets in a module's .ui files."""
    files = (CHECKOUT / module / "Resources" / "UI").glob("*.ui")
    return {widget.attrib["name"] for file in files for widget in ElementTree.parse(file).iter("widget")}


def names_used(path: Path) -> set[str]:
    """Every X in ``self.ui.X`` and ``ui.X``."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            owner = node.value
            if (isinstance(owner, ast.Attribute) and owner.attr == "ui") or (isinstance(owner, ast.Name) and owner.id == "ui"):
                used.add(node.attr)
    return used


@pytest.mark.parametrize("module", CODE)
def test_every_name_the_code_uses_exists(module: str) -> None:
    used = set().union(*(names_used(path) for path in CODE[module]))
    assert len(used) > 3
    assert not used - names_in(module)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ui_file(path: Path) -> None:
    tree = ElementTree.parse(path).getroot()
    widgets = list(tree.iter("widget"))
    names = [widget.attrib["name"] for widget in widgets] + [layout.attrib["name"] for layout in tree.iter("layout")]
    assert len(names) == len(set(names)), "a name is used twice"
    root = widgets[0].attrib
    assert root["class"] == "qMRMLWidget" and root["name"] == path.stem == tree.findtext("class")
    declared = {entry.findtext("class") for entry in tree.iter("customwidget")}
    special = {widget.attrib["class"] for widget in widgets if not widget.attrib["class"].startswith("Q")}
    assert special == declared
    connected = {
        entry.findtext("receiver")
        for entry in tree.iter("connection")
        if (entry.findtext("sender"), entry.findtext("signal"), entry.findtext("slot"))
        == (path.stem, "mrmlSceneChanged(vtkMRMLScene*)", "setMRMLScene(vtkMRMLScene*)")
    }
    # The Segment Editor gets its parameter node first, then the scene.
    by_code = {"qMRMLSegmentEditorWidget"}
    wanting = {w.attrib["name"] for w in widgets[1:] if w.attrib["class"].startswith("qMRML") and w.attrib["class"] not in by_code}
    assert wanting == connected, "a selector does not get the scene"


def test_sections_are_named_once_over_both_modules() -> None:
    """All .ui files are installed into one folder."""
    assert len({path.name for path in FILES}) == len(FILES) >= 6
