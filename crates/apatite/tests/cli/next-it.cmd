apatite next --lang it --top 6 --explain 1 examples/article/figure-2-3.toml
