"""What runs in the worker process: the model and everything around one decode."""
