"""The small package that the notebooks of the course import."""

__version__ = "0.1.0"
