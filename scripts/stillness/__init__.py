"""How still captions stand while they are read."""
