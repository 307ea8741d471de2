"""The user's own code: its statements, with points before them where a search for faults may act, and what they touch."""
