"""The cost and its gradient over all examples, block by block: what solvers ask of the data."""
