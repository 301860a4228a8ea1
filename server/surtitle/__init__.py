"""Surtitle: a self-hosted server for live captions over WebSocket."""
