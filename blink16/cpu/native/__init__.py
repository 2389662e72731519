"""The native engine: the same semantics, emitted as LLVM IR.

`emitter` is what the semantics see; `interpreter` lets them emit one small function for each
row of the opcode map, `regions` whole loops of a guest's hot code; `runtime` holds the paths
that are taken rarely; `engine` is what a machine runs.
"""
