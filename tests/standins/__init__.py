"""Stand-ins for what the test machine may not have."""
