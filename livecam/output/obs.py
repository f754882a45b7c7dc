"""What to enter in OBS to show a stream of ours with as little delay as OBS can do. Needs no vendor library."""

from dataclasses import dataclass

MJPEG_OPTIONS = "framerate=60 fflags=nobuffer"
"""The MJPEG demuxer times pictures by this rate, and one above the sender's keeps OBS from falling behind: an age of
23-71 ms, where OBS without any options plays 25 pictures a second and falls behind by seconds."""

TS_OPTIONS = "fflags=nobuffer"


@dataclass(frozen=True, slots=True)
class ObsSettings:
    """The fields of a *Media Source* in OBS, with *Local File* cleared.

    Attributes:
        address: Field *Input*. It may hold a secret.
        input_format: Field *Input Format*.
        options: Field *FFmpeg Options*.
    """

    address: str
    input_format: str
    options: str

    def __str__(self) -> str:
        return (
            f"OBS: add a Media Source, clear Local File, Input {self.address} , Input Format {self.input_format} , "
            f"FFmpeg Options {self.options}"
        )


def obs_settings(name: str) -> tuple[ObsSettings, ...]:
    """The settings for a sink called `name`, as `Sink.name` gives it; empty for one that is no stream."""
    kind, _, rest = name.partition(":")
    addresses = rest.partition(" ")[0]
    if kind == "web" and "/?" in addresses:
        return (ObsSettings(addresses.replace("/?", "/stream.mjpg?"), "mjpeg", MJPEG_OPTIONS),)
    if kind == "stream":
        return tuple(ObsSettings(address, "mpegts", TS_OPTIONS) for address in addresses.split(",") if address)
    return ()
