"""Published face detectors: one family of decoding a file, and what they share."""
