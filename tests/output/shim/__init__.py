"""The stand-in for a v4l2loopback node, see stand_in.c."""
