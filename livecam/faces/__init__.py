"""Personas on disk: photos, consent and prepared identities, one folder each."""
