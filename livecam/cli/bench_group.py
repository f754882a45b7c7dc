"""``livecam bench``, with all its commands."""

from livecam.cli.bench_command import bench_group
from livecam.cli.bench_models import models
from livecam.cli.bench_quality import quality
from livecam.cli.bench_standins import stand_ins

bench_group.add_command(models)
bench_group.add_command(quality)
bench_group.add_command(stand_ins)

__all__ = ["bench_group"]
