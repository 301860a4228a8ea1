"""What a process needs to run: threads, signals, logs, memory, its surroundings."""
