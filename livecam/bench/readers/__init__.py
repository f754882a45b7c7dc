"""The other end of the virtual camera: programs of their own, that know nothing of the daemon but an address."""
