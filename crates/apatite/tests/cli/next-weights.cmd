apatite next --weights dose=0,cost=0,delay=0,invasiveness=0 --top 4 --explain 0 examples/article/figure-2-3.toml
