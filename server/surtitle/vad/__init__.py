"""Voice activity over all sessions."""
