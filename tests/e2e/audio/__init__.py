"""The delayed microphone in real sound servers."""
