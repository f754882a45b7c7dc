"""What the user says while livecam runs: one grammar, and the ways in for it."""
