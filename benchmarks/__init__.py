"""How fast is it?  ``python -m benchmarks`` runs guests on our engines and on those of others."""
