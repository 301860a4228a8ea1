"""The parts of `load_test.py`: speakers at real-time pace, and what their captions were worth."""
