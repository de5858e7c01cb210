"""What `bench.time_to_cost` is made of: tables, contestants, the clock, the turns, the picture."""
