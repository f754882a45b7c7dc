"""Sound that keeps step with the picture: a virtual microphone as late as the picture, on PipeWire or PulseAudio."""
