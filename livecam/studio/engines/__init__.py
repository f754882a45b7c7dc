"""The diffusion backends. Modules in here import torch and diffusers (extra ``studio``), and nobody else does."""
