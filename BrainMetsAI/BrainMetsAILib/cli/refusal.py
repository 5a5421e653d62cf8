"""Reasons for which the command line does not begin, or stops: each a sentence for a person."""


class Refused(ValueError):
    """The order cannot be carried out as given (exit code 2); the message is one sentence: why, and what to do."""
