apatite what-if --lang it --absent sedimentation_sign@CT --top 5 examples/article/figure-2-3.toml
