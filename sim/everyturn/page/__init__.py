"""A counterexample as one page that is read with a browser: stepped through, filtered, compared, and scheduled anew."""
