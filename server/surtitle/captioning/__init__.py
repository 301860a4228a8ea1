"""Pure caption logic: bytes, numbers and results in, jobs and messages out."""
