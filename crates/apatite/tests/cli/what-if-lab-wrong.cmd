apatite what-if --lab phosphate examples/article/figure-2-3.toml
