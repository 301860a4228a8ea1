"""The making and judging of damaged, odd and large files (`scripts/wild_files.py`)."""
