"""The monitors: one function for each invariant, beside the sentence that it watches over."""
