"""The studio: pictures of a persona made offline, by diffusion. Not live: seconds to minutes a picture.

Only `livecam.studio.engines` imports torch, and only when a backend is loaded; nothing live may import the studio.
"""
