"""A whole test volume from its specification."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from Benchmarks.second_renderer.head import Head
from Benchmarks.second_renderer.label_head import Cut, label_head
from Benchmarks.second_renderer.lesion_plan import EDGES, plan_lesions
from Benchmarks.second_renderer.membranes import paint_membranes
from Benchmarks.second_renderer.painting import Truth, paint_lesions
from Benchmarks.second_renderer.physics import black_blood, gradient_echo
from Benchmarks.second_renderer.real_head import real_head
from Benchmarks.second_renderer.scanner import extracted, scan
from Benchmarks.second_renderer.vessels import paint_vessels
from BrainMetsAILib.synthesis.truth import TrueLesion

GRADIENT_ECHO, BLACK_BLOOD = "gradient-echo", "black-blood"
SKULL_ON, STRIPPED = "on", "stripped"


@dataclass(frozen=True)
class VolumeSpec:
    """What a test volume is made of; the same specification always gives the same volume.

    Attributes
    ----------
    name
        Of the case.
    background
        File under ``shared/data``, without its ending.
    contrast, skull
        "gradient-echo" or "black-blood"; "on" or "stripped".
    seed
        Of everything that is left to chance.
    spacing_mm
        Voxel edges (i, j, k); None for a real volume's own.
    plan
        Of the lesions: "usual", "large", "huge", "edges" or "none".
    """

    name: str
    background: str
    contrast: str
    skull: str
    seed: int
    spacing_mm: tuple[float, float, float] | None = (1.0, 1.0, 1.0)
    plan: str = "usual"

    @property
    def tags(self) -> Mapping[str, str]:
        """Groups in which the case is counted."""
        lesions = {"none": "none (synthetic head)", EDGES: "synthetic, at edges"}.get(self.plan, "synthetic")
        source = "label map" if "labelmaps" in self.background else "real T1"
        return {"contrast": self.contrast, "skull": self.skull, "lesions": lesions, "head": source}


@dataclass(frozen=True)
class RenderedVolume:
    """A volume with its truth: int16 image, lesion numbers, necrosis, and the table of lesions."""

    spec: VolumeSpec
    image: sitk.Image
    labels: sitk.Image
    necrosis: sitk.Image
    lesions: tuple[TrueLesion, ...]


def make_volume(spec: VolumeSpec, data: Path) -> RenderedVolume:
    """Render a volume; `data` is the folder ``shared/data``."""
    rng = np.random.default_rng([20, spec.seed])
    sequence = black_blood(rng) if spec.contrast == BLACK_BLOOD else gradient_echo(rng)
    path = data / f"{spec.background}.nii.gz"
    if "labelmaps" in spec.background:
        head = label_head(path, sequence, Cut(spec.spacing_mm or (1.0, 1.0, 1.0)), rng)
    else:
        head = real_head(path, sequence, spec.spacing_mm)
    return finish_volume(spec, head, rng)


def finish_volume(spec: VolumeSpec, head: Head, rng: np.random.Generator) -> RenderedVolume:
    """Everything after the bare head."""
    signal = head.signal.copy()
    paint_membranes(signal, head, rng)
    paint_vessels(signal, head, rng)
    truth = paint_lesions(signal, head, plan_lesions(head, spec.plan, rng), rng)
    values = scan(signal, head, rng)
    if spec.skull == STRIPPED:
        values = extracted(values, head, rng)
    return RenderedVolume(
        spec=spec,
        image=_image(np.clip(np.rint(values), 0, 32767).astype(np.int16), head),
        labels=_image(truth.labels, head),
        necrosis=_image(truth.necrosis.astype(np.uint8), head),
        lesions=_table(truth, head),
    )


def _image(array: NDArray[np.generic], head: Head) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(head.grid)
    return image


def _table(truth: Truth, head: Head) -> tuple[TrueLesion, ...]:
    rows = []
    for number, painted in enumerate(truth.lesions, start=1):
        x, y, z = head.grid.TransformContinuousIndexToPhysicalPoint([float(v) for v in painted.centroid[::-1]])
        kind = f"{painted.lesion.kind}, touching" if painted.lesion.touches else painted.lesion.kind
        diameter = float(np.cbrt(6.0 * painted.volume_mm3 / np.pi))
        volume, dead = painted.volume_mm3 / 1000, painted.necrotic_mm3 / 1000
        rows.append(TrueLesion(number, f"M{number:02d}", kind, diameter, volume, volume - dead, dead, -x, -y, z))
    return tuple(rows)
