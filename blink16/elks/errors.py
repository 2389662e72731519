"""What can be wrong with an ELKS program before it runs."""


class ElksError(ValueError):
    """An executable or its arguments that can't be loaded: one line that says why."""
