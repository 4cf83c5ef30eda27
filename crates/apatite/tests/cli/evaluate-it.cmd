apatite evaluate --lang it --folds 3 --without labs --without imaging examples/article
