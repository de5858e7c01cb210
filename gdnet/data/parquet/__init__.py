"""Parquet, a few row groups at a time, in one file, several, or a folder."""
