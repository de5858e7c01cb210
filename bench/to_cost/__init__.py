"""What `bench.time_to_cost` is made of: tables, candidates, the clock, the turns, the picture."""
