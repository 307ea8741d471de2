"""SQS as dictionaries: an action's name and parameters in, AWS's answer or an AWS error out. Pure."""
