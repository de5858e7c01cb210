"""Files of named columns, whatever their format: which columns are read, and how."""
