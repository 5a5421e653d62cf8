"""Carries an atlas onto a head: affine first, then a smooth displacement field."""

import SimpleITK as sitk

from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing

AFFINE_MM = 4.0
LEVELS_MM = (6.0, 4.0, 3.0)
ITERATIONS = (40, 40, 25)
SMOOTHING_MM = 1.8
"""SD of the blur before matching: cortical folds differ between people, and what is wanted are lobes."""


def register_drawings(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """Transform from points of `fixed` to points of `moving` (LPS, mm), both drawn tissue with the same grey values.

    About 2 mm is fine enough for both.

    Parameters
    ----------
    fixed, moving
        float32; 0 outside the brain.
    """
    affine = _affine(fixed, moving, mutual_information=False)
    return _deformed(fixed, moving, affine, match_histograms=False)


def register_volumes(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """The same for two T1-like volumes, both with or both without skull."""
    affine = _affine(fixed, moving, mutual_information=True)
    return _deformed(fixed, moving, affine, match_histograms=True)


def _affine(fixed: sitk.Image, moving: sitk.Image, mutual_information: bool) -> sitk.Transform:
    coarse_fixed, coarse_moving = (resample_to_spacing(_blurred(image, AFFINE_MM), AFFINE_MM) for image in (fixed, moving))
    start = sitk.CenteredTransformInitializer(
        coarse_fixed, coarse_moving, sitk.AffineTransform(3), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method = sitk.ImageRegistrationMethod()
    if mutual_information:
        method.SetMetricAsMattesMutualInformation(32)
    else:
        method.SetMetricAsMeanSquares()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.3)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-3, numberOfIterations=150, gradientMagnitudeTolerance=1e-7, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(sitk.AffineTransform(start))
    return method.Execute(coarse_fixed, coarse_moving)


def _deformed(fixed: sitk.Image, moving: sitk.Image, affine: sitk.Transform, match_histograms: bool) -> sitk.Transform:
    """Demons (Vercauteren et al., NeuroImage 2009;45:S61, doi:10.1016/j.neuroimage.2008.10.040) from coarse to fine."""
    field: sitk.Image | None = None
    for spacing_mm, iterations in zip(LEVELS_MM, ITERATIONS, strict=True):
        target = resample_to_spacing(_blurred(fixed, spacing_mm), spacing_mm)
        source = resample_like(_blurred(moving, spacing_mm), target, affine)
        if match_histograms:
            source = sitk.HistogramMatching(source, target, 128, 12, True)
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(1.5)
        demons.SetSmoothDisplacementField(True)
        demons.SetSmoothUpdateField(True)
        demons.SetUpdateFieldStandardDeviations(1.0)
        start = () if field is None else (resample_like(field, target),)
        field = demons.Execute(target, source, *start)
    whole = sitk.CompositeTransform(3)
    whole.AddTransform(affine)
    whole.AddTransform(sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64)))
    return whole


def _blurred(image: sitk.Image, spacing_mm: float) -> sitk.Image:
    return sitk.SmoothingRecursiveGaussian(image, max(SMOOTHING_MM, 0.5 * spacing_mm))
