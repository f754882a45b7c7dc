"""The delayed microphone."""
