"""The worker process, its tasks and its client."""
