"""The mesh engine: a face swap without a graphics card, by warping a persona's photo on to 478 landmarks."""
