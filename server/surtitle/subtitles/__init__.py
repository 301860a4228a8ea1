"""Captions as cues, and in the formats of players."""
