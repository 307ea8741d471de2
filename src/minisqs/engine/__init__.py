"""SQS itself, pure: told what time it is and how each uncertain thing turns out, it answers with data."""
