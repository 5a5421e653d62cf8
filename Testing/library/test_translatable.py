"""What scene functions refuse with reaches the panel, so it can be translated; lower rooms may not import Slicer and stay English."""

import ast
from pathlib import Path

import pytest

SCENE = Path(__file__).resolve().parents[2] / "BrainMetsAI" / "BrainMetsAILib" / "scene"
REFUSALS = ("EditRefused", "ImageRefused")


def untranslated(tree: ast.AST) -> list[int]:
    """Lines of texts in refusals that are no argument of ``_``, and of f-strings, which no translator ever sees."""
    found = []
    for node in ast.walk(tree):
        refusal = node.exc if isinstance(node, ast.Raise) else None
        if _called(refusal) in REFUSALS and refusal is not None:
            parts = list(ast.walk(refusal))
            translated = [part.args[0] for part in parts if isinstance(part, ast.Call) and _called(part) == "_"]
            texts = [part for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            found += [part.lineno for part in parts if isinstance(part, ast.JoinedStr)]
            found += [text.lineno for text in texts if text not in translated]
    return found


def _called(node: ast.AST | None) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def test_the_check_itself() -> None:
    assert untranslated(ast.parse('raise EditRefused("no")')) == [1]
    assert untranslated(ast.parse('raise ImageRefused(f"no {x}")')) == [1, 1]
    assert untranslated(ast.parse('raise EditRefused(_("no {x}").format(x=1))')) == []


@pytest.mark.parametrize("path", sorted(SCENE.glob("*.py")), ids=lambda path: path.stem)
def test_refusals_of_the_scene_can_be_translated(path: Path) -> None:
    assert untranslated(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_a_translation_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("slicer")
    from types import SimpleNamespace

    from BrainMetsAILib.images.examination import ImageRefused
    from BrainMetsAILib.scene import volumes

    monkeypatch.setattr(volumes, "_", lambda text: text.replace("The volume “{name}” is not", "„{name}“ ist kein"))
    with pytest.raises(ImageRefused, match=r"^„Kopf“ ist kein one grey value"):
        volumes.volume_image(SimpleNamespace(GetImageData=lambda: None, GetName=lambda: "Kopf"))
