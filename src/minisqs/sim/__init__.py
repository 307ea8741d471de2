"""Simulated time, and everything that is decided outside of the engine."""
