"""What is asked: proofs, samples, audits, replays, and what they are worth."""
