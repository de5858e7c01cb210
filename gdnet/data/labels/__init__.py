"""Targets of any type: class labels as small integers, or numbers to be predicted."""
