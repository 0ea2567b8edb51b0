"""Experiments that compare ways to train, each from one command on one machine."""
