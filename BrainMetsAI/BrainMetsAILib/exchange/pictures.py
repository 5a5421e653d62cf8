"""The pictures of a review: every lesion in three planes, the whole head, and both examinations at the same place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw

from BrainMetsAILib.exchange.drawing import LESION_COLOUR, NEIGHBOUR_COLOUR, TEXT_COLOUR, Colour, Look, draw_plane, png, sheet, write
from BrainMetsAILib.exchange.examined import ReviewedExamination
from BrainMetsAILib.exchange.grey_window import grey_window
from BrainMetsAILib.exchange.planes import AXIAL, PLANE_NAMES, Plane, RadiologicalView, cut, radiological, whole_slice
from BrainMetsAILib.exchange.response_summary import ResponseSummary
from BrainMetsAILib.images.geometry import lps_to_ras
from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.lesions.lesion_list import Lesion

PANEL = 232
TILE = 196
HEADLINE = 22
MOST_PICTURES = 40
MOST_TILES = 16
LABEL_PIXELS = 14  # height of a lesion's name

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Picture:
    """One PNG.

    Attributes
    ----------
    name
        Stem of the file's name: ``lesion_M01``.
    caption
        What it shows, for a person and for a screen reader.
    png
        The file's bytes.
    """

    name: str
    caption: str
    png: bytes


def review_pictures(
    examination: ReviewedExamination,
    follow_up: ReviewedExamination | None = None,
    summary: ResponseSummary | None = None,
    baseline_to_follow_up: sitk.Transform | None = None,
    progress: Progress | None = None,
) -> tuple[Picture, ...]:
    """All pictures of a review: the overviews, the comparisons, then the lesions by falling size.

    Parameters
    ----------
    examination
        The only one, or the baseline.
    follow_up, summary, baseline_to_follow_up
        Given together. The transform maps baseline points to follow-up points (LPS, mm); the follow-up is resampled through it for the
        pictures only.
    progress
        Called with 0 to 1 and what is being drawn.
    """
    tell = progress or (lambda fraction, message: None)
    pictures = [overview(examination, "overview" if follow_up is None else "baseline_overview")]
    if follow_up is not None:
        pictures.append(overview(follow_up, "followup_overview"))
    jobs: list[Callable[[], Picture]] = []
    if follow_up is not None and summary is not None and baseline_to_follow_up is not None:
        pair = _Pair(examination, follow_up, baseline_to_follow_up)
        for row in summary.rows[:MOST_PICTURES]:
            jobs.append(partial(pair.picture, row.baseline_names, row.follow_up_names, row.fate))
    for reviewed, prefix in ((examination, "" if follow_up is None else "baseline_"), (follow_up, "followup_")):
        if reviewed is not None:
            view = _view(reviewed)
            window = _grey_window(reviewed.image)
            largest = sorted(reviewed.lesions.lesions, key=lambda lesion: -lesion.measurements.volume_ml)[:MOST_PICTURES]
            jobs += [partial(_lesion_picture, reviewed, view, window, lesion, prefix) for lesion in largest]
    for done, job in enumerate(jobs):
        tell(done / len(jobs), "Drawing pictures")
        picture = job()
        if any(picture.name == other.name for other in pictures):  # a person may give two lesions one name
            picture = replace(picture, name=f"{picture.name}_{len(pictures)}")
        pictures.append(picture)
    tell(1.0, "Pictures drawn")
    return tuple(pictures)


def write_pictures(folder: Path, pictures: Sequence[Picture]) -> tuple[Path, ...]:
    """Write each picture as ``<name>.png`` into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for picture in pictures:
        path = folder / f"{picture.name}.png"
        path.write_bytes(picture.png)
        paths.append(path)
    return tuple(paths)


def overview(examination: ReviewedExamination, name: str = "overview") -> Picture:
    """Axial slices of the whole head that together show every lesion, outlined and named; at most 16."""
    view = _view(examination)
    window = _grey_window(examination.image)
    view = _cropped_to_head(view, window)
    _, labels, _ = view.arrays
    indices, missing = _slices_with_all(view, examination.lesions.lesions)
    names = {lesion.number: lesion.name for lesion in examination.lesions.lesions}
    tiles: list[Image.Image] = []
    side = PANEL if len(indices) <= 6 else TILE
    for index in indices:
        plane = whole_slice(view, AXIAL, index)
        numbers = labels[index]
        texts = []
        for number in np.unique(numbers):
            if number:
                where = np.argwhere(numbers == number)
                texts.append((names[int(number)], float(where[:, 0].mean()), float(where[:, 1].max() + 2), LESION_COLOUR))
        pixels_per_row = side / max(n * mm for n, mm in zip(numbers.shape, plane.spacing_mm, strict=True)) * plane.spacing_mm[0]
        texts = _spread(texts, LABEL_PIXELS / pixels_per_row)
        tile = draw_plane(replace(plane, names=tuple(texts)), Look(side, window, scale_bar=False, letters=index == indices[0]))
        _note(tile, f"S {lps_to_ras(view.image.TransformIndexToPhysicalPoint((0, 0, int(index))))[2]:.0f} mm")
        tiles.append(tile)
    columns = 4 if len(tiles) > 6 else 3
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    picture = sheet(rows, top=HEADLINE)
    count = len(examination.lesions.lesions)
    _headline(picture, f"{examination.facts.title}: {count} lesion{'' if count == 1 else 's'}, axial")
    caption = f"{examination.facts.title}: axial slices with every lesion outlined and named"
    if missing:
        caption += f" (not shown: {', '.join(missing)})"
    return Picture(name, caption + ".", png(picture))


def lesion_picture(examination: ReviewedExamination, lesion: Lesion, prefix: str = "") -> Picture:
    """One lesion in axial, coronal and sagittal planes: without marks above, with outlines and diameters below."""
    return _lesion_picture(examination, _view(examination), _grey_window(examination.image), lesion, prefix)


def _lesion_picture(
    examination: ReviewedExamination, view: RadiologicalView, window: tuple[float, float], lesion: Lesion, prefix: str
) -> Picture:
    measured = lesion.measurements
    half = _half_mm(measured.diameter_3d_mm)
    at = _middle(view, lesion)
    colours = {entry.number: NEIGHBOUR_COLOUR for entry in examination.lesions.lesions}
    colours[lesion.number] = LESION_COLOUR
    plain, marked = [], []
    for plane, plane_name in enumerate(PLANE_NAMES):
        crop = cut(view, plane, at, half, colours, (measured.whole,))
        plain.append(draw_plane(crop, Look(PANEL, window, outlines=False, scale_bar=False, letters=False)))
        panel = draw_plane(crop, Look(PANEL, window))
        _note(panel, plane_name)
        marked.append(panel)
    picture = sheet([plain, marked], top=HEADLINE)
    size = f"{measured.volume_ml:.2f} mL · {measured.whole.longest_mm:.1f} x {measured.whole.perpendicular_mm:.1f} mm"
    if measured.necrotic_ml > 0:
        size += f" · {100 * measured.necrotic_fraction:.0f} % necrotic"
    _headline(picture, f"{examination.facts.title} {lesion.name}: {size}")
    caption = f"{examination.facts.title}, {lesion.name}: axial, coronal and sagittal, without and with outline (orange) and diameters"
    caption += "; necrosis blue." if measured.necrotic_ml > 0 else "."
    return Picture(f"{prefix}lesion_{_file_name(lesion.name)}", caption, png(picture))


class _Pair:
    """Both examinations on the baseline's grid, for pictures only."""

    def __init__(self, baseline: ReviewedExamination, follow_up: ReviewedExamination, transform: sitk.Transform) -> None:
        self.baseline, self.follow_up = baseline, follow_up
        self.transform, self.back = transform, transform.GetInverse()
        self.windows = (_grey_window(baseline.image), _grey_window(follow_up.image))

    def picture(self, baseline_names: Sequence[str], follow_up_names: Sequence[str], fate: str) -> Picture:
        """The same place in both, plain and outlined axially, then outlined coronally and sagittally."""
        names = [" + ".join(side) or "none" for side in (baseline_names, follow_up_names)]
        headline = f"{fate.capitalize()}: baseline {names[0]}, follow-up {names[1]}"
        before = [lesion for lesion in self.baseline.lesions.lesions if lesion.name in baseline_names]
        after = [lesion for lesion in self.follow_up.lesions.lesions if lesion.name in follow_up_names]
        centre, half = self._place(before, after)
        reference = _fine_grid(centre, half, self.baseline.image)
        rows = []
        for reviewed, transform, lesions, window in (
            (self.baseline, None, before, self.windows[0]),
            (self.follow_up, self.transform, after, self.windows[1]),
        ):
            view = _resampled(reviewed, reference, transform)
            at = view.index_of(centre)
            colours = {entry.number: NEIGHBOUR_COLOUR for entry in reviewed.lesions.lesions}
            colours.update({lesion.number: LESION_COLOUR for lesion in lesions})
            axial = cut(view, AXIAL, at, half, colours)
            row = [draw_plane(axial, Look(PANEL, window, outlines=False, scale_bar=False, letters=False))]
            for plane in range(3):
                row.append(draw_plane(cut(view, plane, at, half, colours), Look(PANEL, window)))
            what = ", ".join(lesion.name for lesion in lesions) or "no lesion"
            _note(row[0], f"{reviewed.facts.title}: {what}")
            rows.append(row)
        picture = sheet(rows, top=HEADLINE)
        _headline(picture, headline)
        stem = "_".join((*baseline_names, *(f"to_{name}" for name in follow_up_names))) or "place"
        above, below = self.baseline.facts.title.lower(), self.follow_up.facts.title.lower()
        caption = f"{headline}. Above {above}, below {below}, at the same place in the head."
        return Picture(f"compare_{_file_name(stem)}", caption, png(picture))

    def _place(self, before: Sequence[Lesion], after: Sequence[Lesion]) -> tuple[tuple[float, float, float], float]:
        """Middle (baseline RAS) and half side in mm that show all these lesions."""
        middles = [np.array(lesion.measurements.centroid_ras) for lesion in before]
        for lesion in after:
            lps = lps_to_ras(lesion.measurements.centroid_ras)
            middles.append(lps_to_ras(self.back.TransformPoint(lps.tolist())))
        chosen = middles[: len(before)] or middles
        centre = np.mean(chosen, axis=0)
        reach = max(
            float(np.linalg.norm(middle - centre)) + lesion.measurements.diameter_3d_mm / 2
            for middle, lesion in zip(middles, (*before, *after), strict=True)
        )
        return (float(centre[0]), float(centre[1]), float(centre[2])), _half_mm(2 * reach)


def _view(examination: ReviewedExamination) -> RadiologicalView:
    return radiological(examination.image, examination.lesions.labels, examination.lesions.necrosis)


def _resampled(examination: ReviewedExamination, reference: sitk.Image, transform: sitk.Transform | None) -> RadiologicalView:
    image = resample_like(examination.image, reference, transform, sitk.sitkLinear)
    labels = resample_like(examination.lesions.labels, reference, transform, sitk.sitkNearestNeighbor)
    necrosis = resample_like(examination.lesions.necrosis, reference, transform, sitk.sitkNearestNeighbor)
    return RadiologicalView(image, labels, necrosis)


def _fine_grid(centre_ras: tuple[float, float, float], half_mm: float, like: sitk.Image) -> sitk.Image:
    """An empty cube around a place, axes along L, P, S, voxels as small as the image's smallest, at most 0.8 mm."""
    spacing = min(0.8, max(0.4, float(min(like.GetSpacing()))))
    count = 2 * int(np.ceil(half_mm / spacing)) + 3
    grid = sitk.Image([count] * 3, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetOrigin((lps_to_ras(centre_ras) - spacing * (count - 1) / 2).tolist())
    return grid


def _middle(view: RadiologicalView, lesion: Lesion) -> np.ndarray:
    """[k, j, i] of the middle of the crop: the centroid, but axially the slice of the diameters."""
    at = view.index_of(lesion.measurements.centroid_ras)
    ends = lesion.measurements.whole.longest_ends_ras
    at[AXIAL] = np.mean([view.index_of(end)[AXIAL] for end in ends])
    _, labels, _ = view.arrays
    # A bent lesion's centroid may lie outside it: then the coronal and sagittal slices go through its nearest voxel.
    nearest = np.clip(np.rint(at).astype(int), 0, np.array(labels.shape) - 1)
    if labels[tuple(nearest)] != lesion.number:
        where = np.argwhere(labels[nearest[0]] == lesion.number)
        if len(where):
            at[1:] = where[np.argmin(((where - at[1:]) ** 2).sum(axis=1))]
    return at


def _half_mm(diameter_mm: float) -> float:
    """Half the side of a crop: 20 mm, more for lesions above 25 mm."""
    return max(20.0, 0.8 * diameter_mm)


def _grey_window(image: sitk.Image) -> tuple[float, float]:
    return grey_window(sitk.GetArrayViewFromImage(image))


def _cropped_to_head(view: RadiologicalView, window: tuple[float, float]) -> RadiologicalView:
    """Cut air away on all sides, so that tiles show head."""
    image, _, _ = view.arrays
    tissue = image > window[0] + 0.12 * (window[1] - window[0])
    box = []
    for axis in range(3):
        share = tissue.mean(axis=tuple(other for other in range(3) if other != axis))
        hit = np.flatnonzero(share > 0.02)
        box.append((int(hit[0]), int(hit[-1]) + 1) if len(hit) else (0, image.shape[axis]))
    k, j, i = (slice(max(a - 2, 0), b + 2) for a, b in box)
    return RadiologicalView(view.image[i, j, k], view.labels[i, j, k], view.necrosis[i, j, k])


def _slices_with_all(view: RadiologicalView, lesions: Sequence[Lesion]) -> tuple[list[int], list[str]]:
    """Axial slices, from the top down, in which every lesion is seen near its largest; and the names that found no room."""
    _, labels, _ = view.arrays
    depth = labels.shape[0]
    areas = {lesion.number: np.count_nonzero(labels == lesion.number, axis=(1, 2)) for lesion in lesions}
    left = {number for number, area in areas.items() if area.max(initial=0) > 0}
    chosen: list[int] = []
    while left and len(chosen) < MOST_TILES:
        # A lesion counts as shown where its section is at least 60 % of its largest.
        gains = np.zeros(depth)
        for number in left:
            area = areas[number]
            gains += (area >= 0.6 * area.max()) * (1.0 + area / area.max())
        index = int(np.argmax(gains))
        chosen.append(index)
        left = {number for number in left if areas[number][index] < 0.6 * areas[number].max()}
    for index in np.linspace(0.85, 0.2, 6) * depth:
        if len(chosen) >= 6:
            break
        if all(abs(int(index) - other) > depth * 0.06 for other in chosen):
            chosen.append(int(index))
    return sorted(chosen, reverse=True), [lesion.name for lesion in lesions if lesion.number in left]


def _spread(texts: list[tuple[str, float, float, Colour]], height: float) -> list[tuple[str, float, float, Colour]]:
    """Names at (row, column) in voxels, moved down until each has ``height`` rows and about three times that in columns to itself."""
    placed: list[tuple[str, float, float, Colour]] = []
    for text, row, column, colour in sorted(texts, key=lambda entry: entry[1]):
        while any(abs(row - other[1]) < height and abs(column - other[2]) < 3 * height for other in placed):
            row += height / 4
        placed.append((text, row, column, colour))
    return placed


def _headline(picture: Image.Image, text: str) -> None:
    write(ImageDraw.Draw(picture), (6, HEADLINE / 2), text, TEXT_COLOUR, 14, "lm")


def _note(panel: Image.Image, text: str) -> None:
    write(ImageDraw.Draw(panel), (5, 4), text, TEXT_COLOUR, 12, "lt")


def _file_name(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in text)


__all__ = ["Picture", "Plane", "lesion_picture", "overview", "review_pictures", "write_pictures"]
