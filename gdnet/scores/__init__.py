"""How good predictions are, counted in memory that does not grow with the examples."""
