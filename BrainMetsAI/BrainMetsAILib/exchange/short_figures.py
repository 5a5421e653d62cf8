"""Figures and dates as people read them, with the digits they can use; the CSV file has them all."""


def ml_text(value: float) -> str:
    """Microlitres matter in small lesions only: 12.04, 0.47, 0.031."""
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3f}"


def mm_text(value: float) -> str:
    """A tenth of a millimetre: 7.2."""
    return f"{value:.1f}"


def date_text(text: str) -> str:
    """DICOM's YYYYMMDD as 2026-01-31; anything else as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text
