"""Benchmarks of gdnet; see README.md. Run them from the repository root."""
