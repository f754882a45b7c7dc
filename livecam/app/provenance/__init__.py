"""Where a picture comes from, said in a form that other programs read and check: C2PA manifests, signed offline."""
