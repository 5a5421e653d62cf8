"""Pictures of the results (matplotlib, nowhere else in the library)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from BrainMetsAILib.lesions.sizes import ALL_SIZES, SIZE_BINS
from BrainMetsAILib.training.evaluation.agreement import agreement
from BrainMetsAILib.training.evaluation.calibration import Calibration, lesion_calibration, voxel_calibration
from BrainMetsAILib.training.evaluation.case_result import CaseResult
from BrainMetsAILib.training.evaluation.detection import froc
from BrainMetsAILib.training.evaluation.figures import volume_pairs

matplotlib.use("Agg")
from matplotlib import pyplot  # the backend comes first: there is no display

MOST_FALSE_SHOWN = 10.0


def write_curves(folder: Path, cases: Sequence[CaseResult], threshold: float) -> None:
    """``froc.png``, ``volumes.png``, ``reliability.png``; what has no data is drawn empty and says so."""
    _write(folder / "froc.png", lambda axes: _draw_froc(axes[0], cases), 1)
    _write(folder / "volumes.png", lambda axes: _draw_volumes(axes, cases, threshold), 2)
    _write(folder / "reliability.png", lambda axes: _draw_reliability(axes, cases), 2)


def _write(path: Path, draw: Any, panels: int) -> None:
    figure, axes = pyplot.subplots(1, panels, figsize=(5.2 * panels, 4.4), squeeze=False)
    try:
        draw(axes[0])
        figure.tight_layout()
        figure.savefig(path, dpi=110)
    finally:
        pyplot.close(figure)


def _draw_froc(axes: Any, cases: Sequence[CaseResult]) -> None:
    drawn = False
    for size in (ALL_SIZES, *SIZE_BINS):
        points = froc(cases, size)
        if not np.isnan(points[0].sensitivity):
            false = [p.false_a_scan for p in points]
            drawn = True
            # The curve stays at its last height: more false positives never cost a lesion.
            axes.step(
                [*false, max(MOST_FALSE_SHOWN, false[-1])],
                [*(p.sensitivity for p in points), points[-1].sensitivity],
                where="post",
                label=size.name,
                linewidth=2.2 if size is ALL_SIZES else 1.2,
            )
    axes.set(
        xlabel="false positives a scan",
        ylabel="sensitivity",
        xlim=(0, MOST_FALSE_SHOWN),
        ylim=(0, 1.02),
        title="FROC over the lesion score",
    )
    _finish(axes, drawn)


def _draw_volumes(axes: Any, cases: Sequence[CaseResult], threshold: float) -> None:
    pairs = volume_pairs(cases, threshold, "whole")
    agreed = agreement(*pairs)
    found, true = np.array(pairs[0]), np.array(pairs[1])
    if len(found):
        limits = (0.7 * min(found.min(), true.min()), 1.4 * max(found.max(), true.max()))
        axes[0].loglog(true, found, "o", markersize=4, alpha=0.7)
        axes[0].loglog(limits, limits, "k-", linewidth=0.8)
        axes[1].semilogx(0.5 * (found + true), found - true, "o", markersize=4, alpha=0.7)
        for level, style in ((agreed.bias_ml, "-"), (agreed.low_ml, "--"), (agreed.high_ml, "--")):
            if not np.isnan(level):
                axes[1].axhline(level, color="black", linestyle=style, linewidth=0.8)
    axes[0].set(xlabel="true volume (mL)", ylabel="found volume (mL)", title=f"{agreed.pairs} lesions, r = {agreed.pearson:.3f}")
    axes[1].set(xlabel="mean of both (mL)", ylabel="found - true (mL)", title=f"Bland-Altman: bias {agreed.bias_ml:.3f} mL")
    for one in axes:
        _finish(one, bool(len(found)), legend=False)


def _draw_reliability(axes: Any, cases: Sequence[CaseResult]) -> None:
    both: tuple[tuple[str, Calibration], ...] = (("lesion scores", lesion_calibration(cases)), ("voxels ≥ 0.05", voxel_calibration(cases)))
    for one, (name, calibration) in zip(axes, both, strict=True):
        one.plot([0, 1], [0, 1], "k-", linewidth=0.8)
        one.plot([b.predicted for b in calibration.bins], [b.observed for b in calibration.bins], "o-")
        for b in calibration.bins:
            one.annotate(f"{b.count:.0f}", (b.predicted, b.observed), textcoords="offset points", xytext=(5, -10), fontsize=7)
        one.set(xlabel="predicted", ylabel="share that is lesion", xlim=(0, 1), ylim=(0, 1.02), title=f"{name}: ECE {calibration.ece:.3f}")
        _finish(one, bool(calibration.bins), legend=False)


def _finish(axes: Any, has_data: bool, legend: bool = True) -> None:
    axes.grid(True, linewidth=0.4, alpha=0.6)
    if not has_data:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center")
    elif legend:
        axes.legend(loc="lower right", fontsize=8)
