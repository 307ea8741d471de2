"""Finds a run that breaks a consumer of queues, makes it small and tells its story; or proves that there is none."""
