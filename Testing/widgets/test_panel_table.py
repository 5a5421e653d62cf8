"""The table of results: sorting, updating in place, selection."""

import pytest
from PySide6 import QtCore, QtTest

from pythonqt_facade import application, qt
from slicer_facade import SlicerFacade


@pytest.fixture
def seen() -> list[str]:
    return []


def test_table(slicer_app: SlicerFacade, seen: list[str]) -> None:
    from BrainMetsAILib.panel.result_table import Figure, ResultTable

    view = qt.QTableView()
    table = ResultTable(view, (("Lesion", "Name"), ("mL", "Volume")), seen.append)
    rows = {f"uid{n}": (f"M{n:02d}", Figure(volume, 3)) for n, volume in ((1, 10.0), (2, 9.5), (10, 0.2), (100, 1.0))}
    table.fill(rows, {"uid1": "why"})
    assert table.keys == ["uid1", "uid2", "uid10", "uid100"], "names sort as people count"
    assert [table.text(key, 1) for key in table.keys] == ["10.000", "9.500", "0.200", "1.000"]
    view.sortByColumn(1, qt.Qt.DescendingOrder)
    assert table.keys == ["uid1", "uid2", "uid100", "uid10"], "numbers sort as numbers"

    table.select("uid2")
    assert seen == ["uid2"] and table.current == "uid2"
    table.fill({**rows, "uid2": ("M02", Figure(0.1, 3))})
    application.processEvents()
    assert table.current == "uid2" and table.keys[-1] == "uid2", "the row moved and stayed selected"
    assert seen == ["uid2"], "filling is not a person's choice"
    table.fill({key: rows[key] for key in ("uid10", "uid100")})
    assert table.keys == ["uid100", "uid10"]
    table.fill({})
    assert table.keys == [] and table.current == ""


def test_a_click_on_the_current_row_goes_there_again(slicer_app: SlicerFacade, seen: list[str]) -> None:
    from BrainMetsAILib.panel.result_table import ResultTable

    view = qt.QTableView()
    table = ResultTable(view, (("Lesion", "Name"),), seen.append)
    table.fill({"a": ("M01",), "b": ("M02",)})
    table.select("b")
    view.clicked.emit(view.currentIndex())
    assert seen == ["b", "b"]


def test_a_click_on_another_row_goes_there_once(slicer_app: SlicerFacade, seen: list[str]) -> None:
    from BrainMetsAILib.panel.result_table import ResultTable

    left: list[str] = []
    view = qt.QTableView()
    table = ResultTable(view, (("Lesion", "Name"),), seen.append, lambda: left.append("left"))
    table.fill({"a": ("M01",), "b": ("M02",), "c": ("M03",)})
    view.show()

    def click(row: int, modifier: QtCore.Qt.KeyboardModifier = QtCore.Qt.NoModifier) -> None:
        place = view.visualRect(view.model().index(row, 0)).center()
        QtTest.QTest.mouseClick(view.viewport(), QtCore.Qt.LeftButton, modifier, place)
        application.processEvents()

    click(1)
    assert seen == ["b"]
    click(1)
    assert seen == ["b", "b"], "the current row again"
    table.step(1)
    application.processEvents()
    assert seen == ["b", "b", "c"]
    click(2)
    assert seen == ["b", "b", "c", "c"], "the row that a key had made current"
    click(2, QtCore.Qt.ControlModifier)
    assert left == ["left"] and seen == ["b", "b", "c", "c"]


@pytest.mark.parametrize("order", ["AscendingOrder", "DescendingOrder"])
def test_empty_cells_never_come_between_numbers(slicer_app: SlicerFacade, seen: list[str], order: str) -> None:
    from BrainMetsAILib.panel.result_table import Figure, ResultTable

    view = qt.QTableView()
    table = ResultTable(view, (("Lesion", "Name"), ("%", "Change")), seen.append)
    values = {"a": -50.0, "b": None, "c": 3.0, "d": None, "e": 80.0, "f": 0.0}
    table.fill({key: (key, "" if value is None else Figure(value, 0)) for key, value in values.items()})
    view.sortByColumn(1, getattr(qt.Qt, order))
    numbers = [value for value in (values[key] for key in table.keys) if value is not None]
    assert numbers == sorted(numbers, reverse=order == "DescendingOrder")
    empty = [table.keys.index(key) for key in ("b", "d")]
    assert empty in ([4, 5], [0, 1], [5, 4], [1, 0]), "together at one end"
