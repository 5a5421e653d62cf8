"""A button with the columns of a table, to be ticked; what is hidden is kept on the settings node."""

from collections.abc import Sequence
from typing import Any

import qt

from BrainMetsAILib.scene.settings import settings_node


class ColumnChooser:
    """Shows and hides columns.

    Parameters
    ----------
    button, view
        A QToolButton and the table view.
    columns
        Key and name of each column, in order. The first is always shown.
    parameter
        Parameter of the settings node that keeps the keys of what is hidden.
    hidden_at_first
        Keys of the columns hidden until a person chooses otherwise.
    """

    def __init__(
        self, button: Any, view: Any, columns: Sequence[tuple[str, str]], parameter: str, hidden_at_first: Sequence[str] = ()
    ) -> None:
        self._view, self._parameter, self._hidden_at_first = view, parameter, hidden_at_first
        self._keys = [key for key, _ in columns]
        self._updating = False
        self._unavailable: tuple[str, ...] = ()
        self._menu = qt.QMenu(button)
        self.actions: dict[str, Any] = {}
        for key, name in columns[1:]:
            action = qt.QAction(name, self._menu)
            action.checkable = True
            action.connect("toggled(bool)", self._on_toggled)
            self._menu.addAction(action)
            self.actions[key] = action
        button.setMenu(self._menu)
        button.setPopupMode(qt.QToolButton.InstantPopup)

    def refresh(self, unavailable: Sequence[str] = ()) -> None:
        """Show what the settings node holds; columns that have nothing to say are hidden whatever was chosen."""
        self._unavailable = tuple(unavailable)
        hidden = self._hidden()
        self._updating = True
        try:
            for key, action in self.actions.items():
                action.checked = key not in hidden
                action.enabled = key not in self._unavailable
        finally:
            self._updating = False
        for column, key in enumerate(self._keys):
            gone = key in self.actions and (key in hidden or key in self._unavailable)
            if self._view.isColumnHidden(column) != gone:
                self._view.setColumnHidden(column, gone)

    def _hidden(self) -> tuple[str, ...]:
        text = settings_node().GetParameter(self._parameter)
        return tuple(text.strip(",").split(",")) if text else tuple(self._hidden_at_first)

    def _on_toggled(self, checked: bool) -> None:
        if not self._updating:
            hidden = [key for key, action in self.actions.items() if not action.checked]
            settings_node().SetParameter(self._parameter, f",{','.join(hidden)},")  # never empty: that would mean nothing was chosen
            self.refresh(self._unavailable)
