"""The house stands as DESIGN.md draws it: who imports whom, read from the source."""

import ast
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "BrainMetsAI" / "BrainMetsAILib"
RESPONSE = CHECKOUT / "BrainMetsAIResponse" / "BrainMetsAIResponseLib"
MODULE_FILES = [CHECKOUT / name / f"{name}.py" for name in ("BrainMetsAI", "BrainMetsAIResponse")]
FILES = sorted([*LIBRARY.rglob("*.py"), *RESPONSE.rglob("*.py"), *MODULE_FILES])

MAY_IMPORT: dict[str, set[str]] = {
    "images": set(),
    "lesions": {"images"},
    "models": {"lesions", "images"},
    "explain": {"models", "lesions", "images"},
    "synthesis": {"lesions", "images"},
    "worker": {"explain", "models", "lesions", "images"},
    "exchange": {"explain", "models", "lesions", "images"},
    "scene": {"exchange", "worker", "explain", "synthesis", "models", "lesions", "images"},
    "panel": {"scene", "exchange", "worker", "explain", "synthesis", "models", "lesions", "images"},
    "training": {"synthesis", "models", "lesions", "images"},
    "cli": {"scene", "exchange", "worker", "explain", "synthesis", "training", "models", "lesions", "images"},
}
HEAVY = {"torch", "monai", "captum", "safetensors"}
NOT_IN_SLICER = {"matplotlib", "skimage", "pandas", "nibabel"}
VAGUE = {"utils", "helpers", "common", "misc", "util", "helper"}


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports; those under TYPE_CHECKING left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        if top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


def packages(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def room_of(path: Path) -> str:
    if path in MODULE_FILES:
        return "module"
    if path.is_relative_to(RESPONSE):
        parts = path.relative_to(RESPONSE).parts
        return {"panel": "panel", "scene.py": "scene"}.get(parts[0], "response")
    parts = path.relative_to(LIBRARY).parts
    return parts[0] if len(parts) > 1 else "library"


def where(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def test_imports_point_one_way() -> None:
    wrong = []
    for path in FILES:
        room = room_of(path)
        if not path.is_relative_to(LIBRARY) or room == "library":
            continue
        allowed = MAY_IMPORT[room] | {room}
        if room == "worker" and path.stem.endswith("_task"):
            allowed |= {"synthesis"}  # a task brings what it runs
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "BrainMetsAILib" and len(parts) > 1 and (LIBRARY / parts[1]).is_dir() and parts[1] not in allowed:
                wrong.append(f"{where(path)} imports {name}")
    assert not wrong


def test_response_is_loaded_only_when_asked_for() -> None:
    ours = [path for path in FILES if path.is_relative_to(LIBRARY)]
    assert not [where(path) for path in ours if "BrainMetsAIResponseLib" in packages(imports(path, top_level_only=True))]
    assert not [where(path) for path in ours if room_of(path) != "cli" and "BrainMetsAIResponseLib" in packages(imports(path))]


def test_slicer_and_qt_stay_in_their_rooms() -> None:
    wrong = []
    for path in FILES:
        used, room = packages(imports(path)), room_of(path)
        forbidden: set[str] = set()
        if room not in ("scene", "panel", "module"):
            forbidden |= {"slicer", "vtkSegmentationCore", "vtkSegmentationCorePython"}
        if room not in ("panel", "module"):
            forbidden |= {"qt", "ctk", "PySide6"}
        if room != "training":
            forbidden |= NOT_IN_SLICER
        wrong += [f"{where(path)} imports {name}" for name in used & forbidden]
    assert not wrong


def test_the_application_never_imports_torch() -> None:
    """What the module files load, and whatever that loads in turn, leaves torch alone."""
    by_name = {}
    for path in FILES:
        base = LIBRARY.parent if path.is_relative_to(LIBRARY) else RESPONSE.parent
        if path not in MODULE_FILES:
            name = ".".join(path.relative_to(base).with_suffix("").parts)
            by_name[name.removesuffix(".__init__")] = path
    todo = [path for path in FILES if room_of(path) in ("scene", "panel", "module")]
    seen: dict[Path, Path | None] = dict.fromkeys(todo)
    while todo:
        path = todo.pop()
        names = imports(path)  # also inside functions: nothing that runs in the application may
        loader = seen[path]
        assert not packages(names) & HEAVY, f"{where(path)} imports torch, and is loaded by {where(loader or path)}"
        for name in names:
            found = by_name.get(name)
            if found and found not in seen:
                seen[found] = path
                todo.append(found)


def test_torch_stays_in_the_worker_the_command_line_and_training() -> None:
    allowed = {"models", "explain", "training", "cli", "worker"}
    for path in FILES:
        if packages(imports(path)) & HEAVY:
            assert room_of(path) in allowed, where(path)
            assert path.name not in ("bundles.py", "finding.py", "postprocess.py"), where(path)


def test_files_are_small_and_say_what_they_hold() -> None:
    assert not [where(path) for path in FILES if path.stem in VAGUE]
    texts = {where(path): path.read_text(encoding="utf-8") for path in FILES}
    assert not [name for name, text in texts.items() if len(text.splitlines()) > 350]
    assert not [name for name, text in texts.items() if not ast.get_docstring(ast.parse(text))]


def test_every_package_has_an_init_without_imports() -> None:
    for folder in {path.parent for path in FILES if path not in MODULE_FILES}:
        init = folder / "__init__.py"
        assert init.is_file(), where(folder)
        assert not imports(init), where(init)
