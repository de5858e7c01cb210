"""Parquet, a few row groups at a time."""
