"""The embedded default: a tiny chat model, the world it talks about, and simulated annotators of its replies."""

from pathlib import Path

MODEL_DIR = Path(__file__).parent / "weights"
"""Folder of the model in the layout of transformers: config, weights, tokenizer and chat template."""
