"""What a program meets besides the loop, and what is put under control: clocks, randomness, dates, threads."""
