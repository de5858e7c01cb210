"""Where blocks of examples come from."""
