"""Every run, with equal states merged; samples under a strategy; and whether what was merged is alike."""
