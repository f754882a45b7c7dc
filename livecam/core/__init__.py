"""Words, types and seams. NumPy is the only dependency; nothing here opens a device or a file."""
