# One case is answered in full; intervals from draws.
apatite diagnose --draws 40 examples/article/figure-2-3.toml
