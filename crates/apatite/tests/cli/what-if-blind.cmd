apatite what-if --present t1_hyperintense@XR examples/article/figure-2-3.toml
