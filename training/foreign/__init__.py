"""Weights of other projects: which file is whose, and the encoder of ours that it becomes."""
