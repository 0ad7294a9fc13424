"""Why a run went wrong: the smallest run like it, the races that decided, the point of no return, the nearest good
run."""
