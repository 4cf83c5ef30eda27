apatite next --weights dose=-1 examples/article/figure-2-3.toml
