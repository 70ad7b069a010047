"""The one error tree: an error whose text is a whole line for a person, with the remedy in it."""


class RackprintError(Exception):
    """Something a user can mend; its text names the place, the reason and the remedy."""
