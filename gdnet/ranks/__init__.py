"""Several processes of MPI that compute one descent, and end together."""
