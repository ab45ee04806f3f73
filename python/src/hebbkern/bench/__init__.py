"""Benchmarks: what ``python -m hebbkern bench`` runs, and the workloads of the full suite (bench/ in the repository).

It may hold the workloads, their references in float64, and the same steps in hebbkern and in NumPy. Numeric loops belong
to the kernels; `in_numpy` is what the times are compared with.
"""
