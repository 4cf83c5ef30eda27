apatite evaluate --folds 1 examples/article
