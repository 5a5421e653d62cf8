"""Numbers on the command line; each function raises argparse's own error, which becomes one sentence."""

import argparse


def share_of(text: str) -> float:
    """A number from 0 to 1."""
    value = _number(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"must lie from 0 to 1, not {text}")
    return value


def count_of(text: str) -> int:
    """A whole number from 1."""
    value = _number(text)
    if value < 1 or value != int(value):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text}")
    return int(value)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number, not {text}") from error
    if value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"must be a number, not {text}")
    return value
