apatite what-if --present sedimentation_sing examples/article/figure-2-3.toml
