"""A table of results: numbers sort as numbers, rows are updated in place and keep the selection."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import qt

KEY_ROLE, SORT_ROLE = 0x0100, 0x0101  # Qt.UserRole and the next
TEXT_ROLE, ALIGNMENT_ROLE, TOOLTIP_ROLE = 0, 7, 3  # Qt.DisplayRole, Qt.TextAlignmentRole, Qt.ToolTipRole
COLOUR_ROLE = 9  # Qt.ForegroundRole
RIGHT_AND_CENTRED = 0x0002 | 0x0080


@dataclass(frozen=True)
class Figure:
    """A number with the digits after the point that are shown of it."""

    value: float
    digits: int

    @property
    def text(self) -> str:
        """As it is shown."""
        return f"{self.value:.{self.digits}f}"


@dataclass(frozen=True)
class Worded:
    """A text that sorts by a number."""

    text: str
    value: float


Value = str | Figure | Worded


class ResultTable:
    """Rows with a key each in a QTableView.

    Parameters
    ----------
    view
        The table view of the .ui file.
    headings
        Short text of each column, and what it means in full.
    on_row
        Called with a row's key when a person goes to it.
    on_none
        Called when a person leaves all rows (Ctrl and click on the chosen one).
    """

    def __init__(
        self,
        view: "qt.QTableView",
        headings: Sequence[tuple[str, str]],
        on_row: Callable[[str], None],
        on_none: Callable[[], None] = lambda: None,
    ) -> None:
        self._view, self._on_row, self._on_none = view, on_row, on_none
        self._items: dict[str, list[qt.QStandardItem]] = {}
        self._filling = False
        self._columns = len(headings)
        self._longest = [0] * len(headings)  # characters of the longest text that a column has been made wide enough for
        self._model = qt.QStandardItemModel(0, len(headings))
        for column, (short, full) in enumerate(headings):
            item = qt.QStandardItem(short)
            item.setToolTip(full)
            self._model.setHorizontalHeaderItem(column, item)
        self._proxy = qt.QSortFilterProxyModel()  # sorting in C++; a sort key in Python costs thousands of calls
        self._proxy.setSortRole(SORT_ROLE)
        self._proxy.setSourceModel(self._model)
        view.setModel(self._proxy)
        view.setSortingEnabled(True)
        view.sortByColumn(0, qt.Qt.AscendingOrder)
        view.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        view.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        view.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        view.setAlternatingRowColors(True)
        view.setWordWrap(False)
        self._rows_header, self._columns_header = view.verticalHeader(), view.horizontalHeader()
        self._rows_header.setVisible(False)
        self._columns_header.setStretchLastSection(True)
        self._columns_header.setHighlightSections(False)  # bold headings need more room than there is
        self._selection = view.selectionModel()  # without this reference the connection ends with the wrapper
        self._selection.connect("currentRowChanged(QModelIndex,QModelIndex)", self._row_changed)
        self._selection.connect("selectionChanged(QItemSelection,QItemSelection)", self._selection_changed)
        view.connect("pressed(QModelIndex)", self._pressed)
        view.connect("clicked(QModelIndex)", self._clicked)  # the current row too: a person scrolled away and wants back
        self._just_moved = self._moved_by_press = False
        self._turn = qt.QTimer()  # a press changes the row, and tells of itself, within one turn of the event loop
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._turn.connect("timeout()", self._forget_move)

    def fill(
        self, rows: Mapping[str, Sequence[Value]], tooltips: Mapping[str, str] | None = None, greyed: Collection[str] = ()
    ) -> None:
        """Show these rows, by key, and no others; those named in ``greyed`` in the colour of what is disabled."""
        self._filling = True
        try:
            for key in [key for key in self._items if key not in rows]:
                self._model.removeRow(self._items.pop(key)[0].row())
            added = False
            for key, values in rows.items():
                if key not in self._items:
                    self._append(key)
                    added = True
                for item, value in zip(self._items[key], values, strict=True):
                    self._write(item, value, (tooltips or {}).get(key, ""))
                self._grey(key, key in greyed)
            if added:
                self._view.resizeRowsToContents()
            self._widen(rows)
        finally:
            self._filling = False

    @property
    def keys(self) -> list[str]:
        """Keys in the order shown."""
        return [self._key_at(row) for row in range(self._proxy.rowCount())]

    @property
    def current(self) -> str:
        """Key of the current row; empty where there is none."""
        index = self._view.currentIndex()
        return self._key_at(index.row()) if index.isValid() else ""

    def select(self, key: str) -> None:
        """Make a row the current one, as a click on it does."""
        if key in self.keys:
            self._view.selectRow(self.keys.index(key))

    def step(self, by: int) -> None:
        """Go that many rows down (up where negative) in the order shown; from no row to the first one."""
        keys = self.keys
        if keys:
            place = keys.index(self.current) + by if self.current else 0
            self.select(keys[min(max(place, 0), len(keys) - 1)])

    def leave(self) -> None:
        """No row is chosen any more."""
        self._filling = True
        try:
            self._selection.clear()
        finally:
            self._filling = False

    def is_grey(self, key: str) -> bool:
        """Whether a row is shown as disabled."""
        return self._items[key][0].data(COLOUR_ROLE) is not None

    def text(self, key: str, column: int) -> str:
        """What a cell shows."""
        return str(self._items[key][column].data(TEXT_ROLE))

    def _append(self, key: str) -> None:
        items = [qt.QStandardItem() for _ in range(self._columns)]
        items[0].setData(key, KEY_ROLE)
        self._model.appendRow(items)
        self._items[key] = items

    def _widen(self, rows: Mapping[str, Sequence[Value]]) -> None:
        """Make room for longer texts; a width that a person gave a column stays otherwise."""
        for column in range(self._columns):
            longest = max((len(_text(values[column])) for values in rows.values()), default=0)
            if longest > self._longest[column]:
                self._longest[column] = longest
                self._view.resizeColumnToContents(column)

    def _write(self, item: "qt.QStandardItem", value: Value, tooltip: str) -> None:
        text = _text(value)
        if item.data(TEXT_ROLE) != text:
            item.setData(text, TEXT_ROLE)
            # No value at all for an empty cell: Qt sorts those last, and compares a text with a number at random.
            item.setData((_natural(value) or None) if isinstance(value, str) else value.value, SORT_ROLE)
            if not isinstance(value, str):
                item.setData(RIGHT_AND_CENTRED, ALIGNMENT_ROLE)
        if tooltip and item.data(TOOLTIP_ROLE) != tooltip:
            item.setData(tooltip, TOOLTIP_ROLE)

    def _grey(self, key: str, grey: bool) -> None:
        if self.is_grey(key) != grey:
            colour = self._view.palette.brush(qt.QPalette.Disabled, qt.QPalette.Text) if grey else None  # the theme's own
            for item in self._items[key]:
                item.setData(colour, COLOUR_ROLE)

    def _key_at(self, row: int) -> str:
        return str(self._proxy.index(row, 0).data(KEY_ROLE))

    def _row_changed(self, current: "qt.QModelIndex", previous: "qt.QModelIndex") -> None:
        if current.isValid() and not self._filling:
            self._just_moved = True
            self._turn.start()
            self._on_row(self._key_at(current.row()))

    def _forget_move(self) -> None:
        self._just_moved = False

    def _pressed(self, index: "qt.QModelIndex") -> None:
        self._moved_by_press = self._just_moved

    def _selection_changed(self, selected: "qt.QItemSelection", deselected: "qt.QItemSelection") -> None:
        if not self._filling and not self._selection.selectedRows():
            self._on_none()

    def _clicked(self, index: "qt.QModelIndex") -> None:
        gone_to, self._moved_by_press = self._moved_by_press, False
        if self._selection.selectedRows() and not gone_to:  # without selected rows Ctrl and the click have just left it
            self._on_row(self._key_at(index.row()))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else value.text


def _natural(text: str) -> str:
    """A text that sorts M2 before M10."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(6), text)
