"""The truth of a synthetic examination and of a pair, as tables."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class TrueLesion:
    """One synthetic lesion as it was drawn.

    Attributes
    ----------
    number, name
        Value in the truth label map, and how it is called.
    kind
        solid, faint or ring-enhancing.
    diameter_mm
        Of the sphere with its volume.
    volume_ml, enhancing_ml, necrotic_ml
        From sub-voxel coverage.
    centroid_r_mm, centroid_a_mm, centroid_s_mm
        RAS, in the examination's own space.
    """

    number: int
    name: str
    kind: str
    diameter_mm: float
    volume_ml: float
    enhancing_ml: float
    necrotic_ml: float
    centroid_r_mm: float
    centroid_a_mm: float
    centroid_s_mm: float


FATES = ("grown", "shrunk", "vanished", "split", "merged", "unchanged", "new")


@dataclass(frozen=True)
class TrueFate:
    """What became of a lesion: numbers at baseline and at follow-up, one of `FATES`, and the ratio of whole volumes."""

    baseline: tuple[int, ...]
    follow_up: tuple[int, ...]
    fate: str
    volume_ratio: float


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "+".join(str(v) for v in value) if isinstance(value, tuple) else str(value)


def write_table(path: Path, rows: Sequence[TrueLesion] | Sequence[TrueFate], kind: type) -> None:
    """CSV with a header; several numbers in one cell are joined by ``+``."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([f.name for f in fields(kind)])
        writer.writerows([_cell(v) for v in asdict(row).values()] for row in rows)


def read_fates(path: Path) -> tuple[TrueFate, ...]:
    """The fates that `write_table` wrote."""

    def numbers(cell: str) -> tuple[int, ...]:
        return tuple(int(v) for v in cell.split("+") if v)

    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            TrueFate(numbers(row["baseline"]), numbers(row["follow_up"]), row["fate"], float(row["volume_ratio"]))
            for row in csv.DictReader(file)
        )


def read_lesions(path: Path) -> tuple[TrueLesion, ...]:
    """The lesions that `write_table` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            TrueLesion(int(r["number"]), r["name"], r["kind"], *(float(r[f.name]) for f in fields(TrueLesion)[3:]))
            for r in csv.DictReader(file)
        )
