"""Why an edit of a lesion is not possible."""


class EditRefused(ValueError):
    """The edit makes no sense here; the message is one sentence for a person, with a way out. Nothing was changed."""
