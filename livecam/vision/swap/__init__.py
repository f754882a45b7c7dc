"""The neural swap: a crop of the wearer becomes a crop of the persona, is made sharper, and goes back on the canvas."""
