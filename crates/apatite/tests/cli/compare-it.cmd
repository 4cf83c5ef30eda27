apatite compare --lang it examples/article/figure-2-3.toml calcinosis_of_primary_hyperparathyroidism tumoral_calcinosis_of_renal_failure
