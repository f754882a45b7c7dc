"""``livecam bench quality``: how good and how steady the swapped face is, on a user's own clip.

A clip is run through the real pipeline once for each mode of smoothing; what is drawn and what is shown is measured
inside the face. `series` and `warp` hold the figures as plain functions of arrays.
"""
