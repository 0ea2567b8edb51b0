"""/v2: the Open Inference Protocol with Triton's extensions, for clients that speak it already."""
