"""What other tools read: the reachable graph (``aut``, ``dot``), and the whole scope as a model (``promela``,
``murphi``)."""
