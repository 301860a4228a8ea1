"""Engine servers on a Ray cluster. Ray is loaded only where it is wanted."""
