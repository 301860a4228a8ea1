"""Between the sessions and the worker process: scheduling, supervision, leases."""
