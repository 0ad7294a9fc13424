"""What it means: verdicts, who judges, and what a proof must have met."""
