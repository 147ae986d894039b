"""What can be wrong with a model."""


class ModelError(ValueError):
    """A model that does not fit: damaged, foreign, or not exactly exportable; the message says which."""
