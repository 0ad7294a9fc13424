"""Far ends that a program reaches through a library of its own: it keeps its client's code."""
