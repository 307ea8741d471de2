"""For tests of the user's own: strategies for Hypothesis, and a state machine to extend; loaded on request only."""
