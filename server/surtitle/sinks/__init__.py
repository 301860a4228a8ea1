"""Where the captions of a channel go on to: meetings, streams, web hooks, files."""
