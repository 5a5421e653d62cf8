"""Practice cases: a baseline and a follow-up with known truth, made from any head volume."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import array_of, ijk_to_lps, image_like, lps_to_ras
from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.synthesis.acquisition import acquire
from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion
from BrainMetsAILib.synthesis.pairs import Course, plan_courses
from BrainMetsAILib.synthesis.placement import Placement
from BrainMetsAILib.synthesis.rendering import Rendered, render_enhancing, render_lesions
from BrainMetsAILib.synthesis.shapes import Grid
from BrainMetsAILib.synthesis.tissue import Tissue, estimate_tissue, tissue_image
from BrainMetsAILib.synthesis.truth import TrueFate, TrueLesion, write_table
from BrainMetsAILib.synthesis.vessels import NormalEnhancement, draw_normal_enhancement, tube_share

MAX_TURN_DEG, MAX_SHIFT_MM = 7.0, 7.0
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class SyntheticExamination:
    """A volume with its truth: lesion numbers (uint16) and necrosis (uint8) on its grid, and the table."""

    image: sitk.Image
    labels: sitk.Image
    necrosis: sitk.Image
    truth: tuple[TrueLesion, ...]


@dataclass(frozen=True)
class PracticeCase:
    """Two synthetic examinations of one head.

    `follow_up_to_baseline` maps LPS points (mm) of the follow-up to the same anatomical points of the baseline.
    """

    baseline: SyntheticExamination
    follow_up: SyntheticExamination
    fates: tuple[TrueFate, ...]
    follow_up_to_baseline: sitk.Transform
    seed: int


def already_enhanced(tissue: Tissue) -> bool:
    """Whether vessels stand out as after a contrast agent: over 0.4 % of the hull's inside is much brighter than white matter."""
    array = array_of(tissue.reference)
    inside = array[tissue.depth_mm > 3.0]
    return bool(np.mean(inside > tissue.white_level + 0.6 * (tissue.white_level - tissue.fluid_level)) > 0.004)


def make_practice_case(head: sitk.Image, seed: int = 0, progress: Progress = lambda share, text: None) -> PracticeCase:
    """Put metastases with known truth into a head, and make a follow-up of it.

    Parameters
    ----------
    head
        T1 or T1c of a head, skull on or off, 3D.
    seed
        The same seed and volume give the same case.
    progress
        Called with the share done (0 to 1) and words.

    Returns
    -------
    PracticeCase
        Both volumes on the head's own grid.

    Raises
    ------
    NoBrainFound
        Where the volume is not a head.
    NoRoom
        Where it has no room for the lesions.
    """
    rng = np.random.default_rng(seed)
    progress(0.0, "Looking for the brain")
    image = sitk.Cast(head, sitk.sitkFloat32)
    tissue = estimate_tissue(image)
    progress(0.2, "Planning the lesions")
    courses = _numbered(plan_courses(Placement(tissue), rng))
    vessels = draw_normal_enhancement(tissue, rng, vessels=0 if already_enhanced(tissue) else None)
    still = sitk.Euler3DTransform()
    moved = _random_motion(image, tissue, [x for c in courses for x in c.follow_up], rng)
    progress(0.35, "Drawing the baseline")
    baseline = _examination(image, tissue, [x for c in courses for x in c.baseline], vessels, still, rng)
    progress(0.65, "Drawing the follow-up")
    follow_up = _examination(image, tissue, [x for c in courses for x in c.follow_up], vessels, moved, rng)
    progress(1.0, "Practice case made")
    return PracticeCase(baseline, follow_up, _fates(courses, baseline, follow_up), moved, seed)


def _numbered(courses: Sequence[Course]) -> list[Course]:
    """Largest first, as a reader would number them."""
    return sorted(courses, key=lambda c: -max((x.shape.diameter_mm for x in c.baseline), default=0.0))


def _random_motion(
    head: sitk.Image, tissue: Tissue, lesions: Sequence[SyntheticLesion], rng: np.random.Generator
) -> sitk.Euler3DTransform:
    """A rigid motion that keeps every lesion inside the field of view; smaller and smaller where that is tight."""
    places = np.argwhere(tissue.hull)
    matrix = ijk_to_lps(tissue.reference)
    centre = matrix[:3, :3] @ places.mean(axis=0)[::-1] + matrix[:3, 3]
    for size in np.linspace(1.0, 0.1, 10):
        turn = np.radians(size * rng.uniform(-MAX_TURN_DEG, MAX_TURN_DEG, 3))
        shift = size * rng.uniform(-MAX_SHIFT_MM, MAX_SHIFT_MM, 3)
        motion = sitk.Euler3DTransform([float(v) for v in centre], *(float(v) for v in turn), [float(v) for v in shift])
        if all(_in_view(head, motion, lesion) for lesion in lesions):
            break
    return motion


def _in_view(head: sitk.Image, motion: sitk.Euler3DTransform, lesion: SyntheticLesion) -> bool:
    """Whether a lesion lies wholly inside the field of view once the head has moved."""
    centre = np.array(head.TransformPhysicalPointToContinuousIndex(motion.GetInverse().TransformPoint(lesion.shape.centre_mm)))
    reach = lesion.shape.reach_mm / np.array(head.GetSpacing())
    return bool(np.all(centre >= reach) and np.all(centre <= np.array(head.GetSize()) - 1 - reach))


def _matrix(transform: sitk.Euler3DTransform) -> NDArray[np.floating]:
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, centre + shift - rotation @ centre
    return matrix


def _examination(
    head: sitk.Image,
    tissue: Tissue,
    lesions: Sequence[SyntheticLesion],
    vessels: NormalEnhancement,
    to_head: sitk.Euler3DTransform,
    rng: np.random.Generator,
) -> SyntheticExamination:
    """One volume on the head's grid; `to_head` maps its LPS points to those of the unmoved head."""
    still = np.allclose(to_head.GetTranslation(), 0)
    background = head if still else resample_like(head, head, to_head, sitk.sitkBSpline)
    array = np.maximum(array_of(background).astype(np.float32), 0)
    grid = Grid(array.shape, _matrix(to_head) @ ijk_to_lps(head))
    membranes = array_of(resample_like(vessels.membranes, head, to_head))
    level = tissue.fluid_level + float(rng.uniform(1.3, 1.9)) * (tissue.white_level - tissue.fluid_level)
    render_enhancing(array, np.maximum(tube_share(vessels.tubes, grid), membranes), level)
    hull = array_of(resample_like(tissue_image(tissue.hull, tissue), head, to_head, sitk.sitkNearestNeighbor)).astype(bool)
    rendered = render_lesions(array, grid, lesions, tissue.fluid_level, tissue.white_level, rng, oedema_where=hull)
    array = acquire(
        array,
        tissue.white_level,
        rng,
        noise=float(rng.uniform(0.01, 0.03)),
        blur_voxels=float(rng.uniform(0.0, 0.45)),
        bias=float(rng.uniform(0.02, 0.1)),
    )
    return SyntheticExamination(
        image=image_like(array, head),
        labels=image_like(rendered.labels, head),
        necrosis=image_like(rendered.necrosis.astype(np.uint8), head),
        truth=_truth(lesions, rendered, to_head),
    )


def _truth(lesions: Sequence[SyntheticLesion], rendered: Rendered, to_head: sitk.Transform) -> tuple[TrueLesion, ...]:
    from_head = to_head.GetInverse()
    rows = []
    for number, (lesion, whole, dead) in enumerate(zip(lesions, rendered.volumes_mm3, rendered.necrotic_mm3, strict=True), start=1):
        r, a, s = (float(v) for v in lps_to_ras(from_head.TransformPoint(lesion.shape.centre_mm)))
        diameter = (6 * whole / np.pi) ** (1 / 3)
        rows.append(
            TrueLesion(number, f"T{number:02d}", lesion.kind, float(diameter), whole / 1e3, (whole - dead) / 1e3, dead / 1e3, r, a, s)
        )
    return tuple(rows)


def _fates(courses: Sequence[Course], baseline: SyntheticExamination, follow_up: SyntheticExamination) -> tuple[TrueFate, ...]:
    before, after = iter(baseline.truth), iter(follow_up.truth)
    rows = []
    for course in courses:
        old, new = [next(before) for _ in course.baseline], [next(after) for _ in course.follow_up]
        total = sum(x.volume_ml for x in old)
        ratio = sum(x.volume_ml for x in new) / total if total else float("inf")
        rows.append(TrueFate(tuple(x.number for x in old), tuple(x.number for x in new), course.fate, ratio))
    return tuple(rows)


def write_practice_case(case: PracticeCase, folder: Path) -> None:
    """Volumes, truth label maps and truth tables, in a folder that appears in one move.

    Raises
    ------
    FileExistsError
        Where the folder exists and is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists and is not empty; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, examination in (("baseline", case.baseline), ("followup", case.follow_up)):
            rounded = sitk.Cast(sitk.Round(examination.image), sitk.sitkInt16)
            sitk.WriteImage(rounded, str(draft / f"{name}_t1c.nii.gz"), useCompression=True)
            sitk.WriteImage(examination.labels, str(draft / f"{name}_labels.nii.gz"), useCompression=True)
            sitk.WriteImage(examination.necrosis, str(draft / f"{name}_necrosis.nii.gz"), useCompression=True)
            write_table(draft / f"{name}_truth.csv", examination.truth, TrueLesion)
        write_table(draft / "fates.csv", case.fates, TrueFate)
        draft.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
