apatite knowledge --help
