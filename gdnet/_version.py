"""The version, for those that `gdnet` imports itself."""

__version__ = "0.2.0"
