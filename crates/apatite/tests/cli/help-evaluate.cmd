apatite evaluate --help
