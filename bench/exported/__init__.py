"""What `bench.runtimes` installs and runs, and how it compares."""
