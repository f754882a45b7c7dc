"""The frame while it is being worked on; one implementation for each device."""
