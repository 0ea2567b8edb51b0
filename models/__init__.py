"""What a model is, and everything needed to run one."""
