"""Browsers of other engines than Chromium's, as distributions have them."""
