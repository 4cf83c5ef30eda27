apatite diagnose --lang it --draws 40 examples/article/figure-2-3.toml
