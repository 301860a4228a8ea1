"""Parts of the fault campaign."""
