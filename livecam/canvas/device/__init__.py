"""The neural chain on a graphics card: what finds and what swaps faces of a frame that never leaves it.

Each part works on one canvas of the card, in its stream, in memory of its own that is allocated when it is made. What
changes from frame to frame (matrices, boxes, shares) lies in one block of arguments that is copied up first, so that
the same graph can be replayed for every frame. A few KB come down; the host judges them as ordinary Python before a
pixel of the frame is changed.
"""
