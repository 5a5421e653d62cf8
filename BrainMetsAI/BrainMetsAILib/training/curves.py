"""How a training went: a table that grows with it, and its picture."""

import csv
from pathlib import Path

HEADINGS = ("step", "seconds", "loss", "validation_loss", "rate")


def append_curve(path: Path, step: int, seconds: float, loss: float, validation_loss: float | None, rate: float) -> None:
    """Add one line to the table."""
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(HEADINGS)
        checked = "" if validation_loss is None else f"{validation_loss:.4f}"
        writer.writerow([step, round(seconds), f"{loss:.4f}", checked, f"{rate:.2e}"])


def draw_curves(table: Path, picture: Path) -> None:
    """Draw loss and validation loss over the steps into a PNG."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure, axes = pyplot.subplots(figsize=(7, 4), constrained_layout=True)
    axes.plot([int(r["step"]) for r in rows], [float(r["loss"]) for r in rows], label="training", linewidth=1)
    checked = [r for r in rows if r["validation_loss"]]
    axes.plot([int(r["step"]) for r in checked], [float(r["validation_loss"]) for r in checked], "o-", label="validation", markersize=3)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend()
    figure.savefig(str(picture), dpi=120)
    pyplot.close(figure)
