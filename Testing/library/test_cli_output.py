"""The output folder appears in one move or not at all; progress and tables for people."""

import io
from pathlib import Path

import pytest

from BrainMetsAILib.cli.lesion_text import lesion_table, text_table
from BrainMetsAILib.cli.output_folder import output_folder
from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.cli.refusal import Refused

OWN = ("report.html", "pictures")


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("exists", [False, True])
def test_it_appears_at_the_end(tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "deep" / "out"
    if exists:
        target.mkdir(parents=True)
    with output_folder(target, OWN) as draft:
        (draft / "report.html").write_text("new")
        assert not (target / "report.html").exists()
    assert everything(tmp_path) == {"deep", "deep/out", "deep/out/report.html"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_nothing_is_left_when_it_goes_wrong(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), output_folder(tmp_path / "a" / "out", OWN) as draft:
        (draft / "report.html").write_text("half")
        raise error
    assert everything(tmp_path) == set()


def test_a_former_result_is_replaced_only_when_asked_and_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "pictures").mkdir(parents=True)
    (target / "pictures" / "old.png").write_text("old")
    with pytest.raises(Refused, match="--overwrite"), output_folder(target, OWN):
        pass
    with pytest.raises(RuntimeError), output_folder(target, OWN, overwrite=True) as draft:
        (draft / "report.html").write_text("half")
        raise RuntimeError
    assert everything(tmp_path) == {"out", "out/pictures", "out/pictures/old.png"}
    with output_folder(target, OWN, overwrite=True) as draft:
        (draft / "report.html").write_text("new")
    assert everything(tmp_path) == {"out", "out/report.html"}


def test_what_it_did_not_write_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("ten years")
    with pytest.raises(Refused, match=r"thesis\.docx"), output_folder(tmp_path, OWN, overwrite=True):
        pass
    target = tmp_path / "out"
    target.mkdir()
    source = target / "report.html"
    source.write_text("the input itself")
    with pytest.raises(Refused, match="lies in the output folder"), output_folder(target, OWN, [source], overwrite=True):
        pass
    assert source.read_text() == "the input itself"


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for target in (file, file / "out", link, Path("/proc/out"), Path("/")):
        with pytest.raises(Refused) as caught, output_folder(target, OWN):
            pass
        assert "\n" not in str(caught.value)
    assert everything(tmp_path) == {"file", "link"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_draws_over_one_line_in_a_terminal() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    progress.stage("Finding")(0.5, "window 3 of 6")
    assert terminal.getvalue().startswith("\r\033[KFinding  [") and "50%  window 3 of 6" in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
    progress.stage("Writing")
    assert terminal.getvalue().count("\n") == 1
    progress.clear()
    progress.finish()
    assert terminal.getvalue().count("\n") == 1


def test_progress_is_one_line_a_stage_elsewhere_and_nothing_when_quiet() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for share in range(100):
        progress.stage("Finding")(share / 100, "window")
    progress.finish()
    assert stream.getvalue() == "Finding …\n" * 100
    silent = io.StringIO()
    Progress(silent, quiet=True).stage("Finding")(0.5)
    assert silent.getvalue() == ""


def test_tables_line_up() -> None:
    lines = text_table(("Name", "mL"), [("a", "12.5"), ("long name", "1")]).splitlines()
    assert lines == ["Name         mL", "---------  ----", "a          12.5", "long name     1"]
    assert lesion_table([]) == "No lesion was found."
