"""CSV as people have it: compressed, with and without a header, quoted, in several files."""
