"""A trained network: its file, and what it predicts of any number of rows."""
