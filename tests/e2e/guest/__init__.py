"""What runs inside the guest: the daemon by its ordinary command, and readers that nobody here wrote."""
