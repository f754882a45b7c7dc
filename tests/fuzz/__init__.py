"""Hostile input: whatever is read from outside ends in a sentence, never in a traceback, a hang or a full memory."""
