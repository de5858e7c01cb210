"""A trained network in the forms that are read without gdnet."""
