"""The network: sockets, HTTP pages, connections."""
