"""Columns with text and missing values as features, learnt from the training rows."""
