"""The table of results: sorting, updating in place, selection."""

import pytest

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
