"""Clients that mean harm, and what those notice of them who speak beside them."""
