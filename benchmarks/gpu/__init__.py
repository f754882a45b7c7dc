"""What ``python -m benchmarks.gpu_probe`` measures, stage by stage."""
