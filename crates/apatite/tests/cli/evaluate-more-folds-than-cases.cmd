apatite evaluate --folds 5 CASES/two
