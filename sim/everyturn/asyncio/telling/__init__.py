"""What a run means: the story, who waits for whom, what decided, the smallest run, a script for the stock loop."""
