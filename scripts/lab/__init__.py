"""What tests and scripts share: real servers, recordings, and what counts as lost or doubled."""
