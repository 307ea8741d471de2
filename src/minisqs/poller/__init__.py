"""Lambda's event source for SQS: functions, event source mappings, and the poller between them."""
