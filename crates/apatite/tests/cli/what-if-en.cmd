apatite what-if --present dialysis --lab phosphate=7.9mg/dL --top 5 examples/article/figure-2-3.toml
